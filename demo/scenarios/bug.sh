#!/bin/sh
# A handler with a bug ships, and is mended while the shop is open.
#
# `verify` shows that a read model is what its handlers make of the log. It cannot show that the handlers are
# right. So the mended handlers are built beside the ones that answer, and what they change is looked at before
# anybody sees it: which rows, and which events explain them. Then the new version answers; then, to see that it
# can be done, the old one again; then the new one. All the while another process asks, and gets an answer each
# time.
#
#     demo/scenarios/bug.sh [FOLDER]
#
# It needs `highwater` on the PATH, and makes a demo shop in FOLDER (a temporary one unless you name one). What the
# other process was answered is left in FOLDER/answers.jsonl, a line each.
set -eu

shop=${1:-$(mktemp -d)/shop}
file=$shop/projections/orders.sql
answers=$shop/answers.jsonl

say() { printf '\n## %s\n' "$*"; }
run() { printf '$ highwater %s\n' "$*"; highwater -w "$shop" "$@"; }
orders() { highwater -w "$shop" status --json | sed 's/.*"name":"orders",//; s/{"name".*//'; }

# Waits until what `status` says of orders has these words, for at most a minute.
until_orders() {
    tries=600
    until orders | grep -q "$1"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "orders never came to: $1"; exit 1; }
        sleep 0.1
    done
}

# The exit code 3 is the answer 'no': here, that there is a difference.
differs() {
    code=0
    "$@" || code=$?
    [ "$code" -eq 3 ] || { echo "expected a difference, got exit code $code"; exit 1; }
}

finish() {
    touch "$shop/closed"
    kill "$engine" 2>/dev/null || true
    wait 2>/dev/null || true
}

say "A shop with some hundred events, its engine, and somebody who asks all the time"
highwater demo "$shop" --once >/dev/null
highwater -w "$shop" run >"$shop/engine.out" 2>&1 &
engine=$!
trap finish EXIT
highwater -w "$shop" send PlaceOrder order=mistake customer=c-1 lines=mug:2:1250
highwater -w "$shop" send CancelOrder order=mistake reason="ordered twice"
while [ ! -e "$shop/closed" ]; do
    highwater -w "$shop" query orders CountByStatus --json || echo '{"failed":true}'
done >"$answers" 2>"$shop/answers.err" &
asker=$!
while ! grep -q . "$answers"; do sleep 0.1; done

say "The bug ships: an order that is cancelled is shown as placed"
old=$(orders | sed 's/"version":"\([^"]*\)".*/\1/')
sed "s/status = 'cancelled'/status = 'placed'/" "$file" >"$file.new"
mv "$file.new" "$file"
tries=600
while [ "$(orders | sed 's/"version":"\([^"]*\)".*/\1/')" = "$old" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the changed file was not taken up"; exit 1; }
    sleep 0.1
done
run query orders GetOrderById order_id=mistake --consistency strong
run stream order-mistake

say "The rows are wrong, and are what the handlers make of the log all the same"
run verify orders

say "The bug is mended; the new version is to wait until somebody says so"
awk '/^-- policy: live/ { print; print "-- cutover: asked"; next }
     { sub("status = .placed., changed_at", "status = \047cancelled\047, changed_at"); print }' "$file" >"$file.new"
mv "$file.new" "$file"
until_orders '"held":true'
run query orders GetOrderById order_id=mistake --consistency strong

say "What the new version changes: the cancelled orders, each because it was cancelled"
differs run diff orders --rows 100
highwater -w "$shop" diff orders --rows 1000 --json >"$shop/diff.json" 2>/dev/null || true

say "It answers"
run cutover orders
run query orders GetOrderById order_id=mistake --consistency strong
run verify orders

say "Back to the version before, in one step"
run rollback orders
run query orders GetOrderById order_id=mistake --consistency strong

say "And forward again"
run rollback orders
run query orders GetOrderById order_id=mistake --consistency strong
run operations orders

say "What the other process was answered meanwhile"
touch "$shop/closed"
wait "$asker"
failed=$(grep -c '"failed"' "$answers" || true)
echo "$(wc -l <"$answers") answers, $failed errors, $(sed 's/.*"version"://' "$answers" | sort -u | wc -l) versions"
[ "$failed" -eq 0 ]
