#!/bin/sh
# Stage 1, a shell script: archive each batch, at most WINDOW batches ahead of the report.
#
#     sh archive.sh events|polling BATCHES WINDOW ROOT CLOCK
#
# The archives stand on a RAM disk, so one is removed when its batch has been reported. CLOCK is the demo's
# own C program: a shell can see neither the clock nor the CPU time of a command, so CLOCK runs the command
# and prints both. Without it the two lines that matter are
#
#     evt_wait report/4 120
#     evt_set archive/7
set -eu
how=$1 batches=$2 window=$3 root=$4 clock=$5

if [ "$how" = events ]; then
    wait_for() { # STAGE BATCH. A look first: what is there already needs no process.
        [ -f "$1/$2" ] || "$clock" --clock "waited $1 $2" evt_wait "$1/$2" 120
    }
    announce() { # BATCH
        mv "archive/.$1" "archive/$1"
        "$clock" --clock "announced $1" evt_set "archive/$1"
    }
else
    wait_for() { # ends without its parent, too: then CLOCK can't print
        until [ -f "$1/$2" ]; do "$clock" --clock "waited $1 $2" sleep 0.05; done
    }
    announce() {
        "$clock" --clock "announced $1" mv "archive/.$1" "archive/$1"
    }
fi

batch=0
while [ "$batch" -lt "$batches" ]; do
    reported=$((batch - window))
    if [ "$reported" -ge 0 ]; then
        wait_for report "$reported"
        rm "archive/$reported"
    fi
    wait_for list "$batch"
    tar -c -f "archive/.$batch" -C "$root" -T "list/$batch"
    announce "$batch"
    batch=$((batch + 1))
done
