#!/bin/sh
# Draws the pictures in screenshots/ anew: each screen at 120 by 36, the same bytes each time on any machine.
#
#     demo/screenshots.sh
#
# They show a shop that is made up, with fixed times, not a workspace that runs: its rates and process numbers would
# never be the same twice. Its snapshot, its events and its answers are in src/ui/testing/scenario.rs; the screens
# and what draws them are the dashboard's own. `cargo test` fails where a picture is not what is drawn now.
set -eu

cd "$(dirname "$0")/.."
HIGHWATER_SCREENSHOTS=1 cargo test --quiet --lib ui::tests::pictures
ls -l screenshots
