#!/bin/sh
# A row of a read model is damaged from outside, found, and mended.
#
# A read model is an SQLite file, and whoever may write it can break it. `verify` folds the log again and names
# the rows that are not what the log says. Where each row belongs to one stream, `repair` folds that stream alone
# and puts its rows in their place. Nothing else is touched, and the shop stays open.
#
#     demo/scenarios/damage.sh [FOLDER]
#
# It needs `highwater` and `sqlite3` on the PATH, and makes a demo shop in FOLDER (a temporary one unless you name
# one).
set -eu

shop=${1:-$(mktemp -d)/shop}

say() { printf '\n## %s\n' "$*"; }
run() { printf '$ highwater %s\n' "$*"; highwater -w "$shop" "$@"; }

# The exit code 3 is the answer 'no': here, that something differs.
differs() {
    code=0
    "$@" || code=$?
    [ "$code" -eq 3 ] || { echo "expected a difference, got exit code $code"; exit 1; }
}

say "A shop with some hundred events, and its engine"
highwater demo "$shop" --once >/dev/null
highwater -w "$shop" run >"$shop/engine.out" 2>&1 &
engine=$!
trap 'kill "$engine" 2>/dev/null; wait' EXIT
highwater -w "$shop" send PlaceOrder order=precious customer=c-1 lines=mug:2:1250
run query orders GetOrderById order_id=precious --consistency strong
run verify orders

say "Somebody writes into the file"
sqlite3 "$shop/data/read/orders.db" \
    "PRAGMA busy_timeout = 5000; UPDATE orders SET customer = 'nobody', total_cents = 1 WHERE order_id = 'precious'" \
    >/dev/null
run query orders GetOrderById order_id=precious

say "It is found: which row, and up to where it was right"
differs run verify orders

say "The stream of that order is folded alone, and its row mended"
differs run repair orders --key precious --dry-run
run repair orders --key precious
run query orders GetOrderById order_id=precious
run verify orders
run operations orders
