#!/bin/bash
# A sweep on the nodes of a Slurm job: Ray is started on them, trains, and is gone with the job.
#
#   sbatch clusters/slurm.sh configs/zhang2017.yaml
#   sbatch --nodes=8 --cpus-per-task=32 clusters/slurm.sh FILE --output ~/results/mine
#   squeue --me; tail -f sweep-JOBID.log; scancel JOBID
#
# What follows the script goes to `sweep run`. Two minutes before its time is over, or when it is told
# to go, the sweep keeps what there is and the job queues again, until all is trained. Submitting the
# same line again goes on, too. Workers need no shared disk, but results must lie on one: the job may
# come back on other nodes.
#SBATCH --job-name=sweep
#SBATCH --output=sweep-%j.log
#SBATCH --open-mode=append
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=1-00:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -u
# source ~/venvs/sweep/bin/activate            # wherever `sweep` and `ray` are, the same on all nodes

# Whoever reaches a Ray without a token runs code on it. The environment is for this user's eyes only.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
export RAY_USAGE_STATS_ENABLED=0
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0   # at the end there is nothing to wait for

# Several jobs may share a node: each has ports and a folder of its own.
export PORT=$((20000 + SLURM_JOB_ID % 10000))
export HEAD=$(hostname -I | cut -d ' ' -f 1)
export FOLDER=/tmp/ray-$SLURM_JOB_ID
address=$HEAD:$PORT

start_ray() {
    trap 'rm -rf "$FOLDER"' EXIT
    local own=(--num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" --block)
    if [ "$SLURM_PROCID" = 0 ]; then
        ray start --head --node-ip-address="$HEAD" --port="$PORT" --temp-dir="$FOLDER" \
            --ray-client-server-port=$((PORT + 10000)) --include-dashboard=false "${own[@]}"
    else
        until ray start --address="$HEAD:$PORT" "${own[@]}"; do sleep 2; done
    fi
}
export -f start_ray

nodes() { ray status --address "$address" 2> /dev/null | grep -c '^ *[0-9]* node_'; }

# A node that is lost takes its own packs with it, not the job.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    --kill-on-bad-exit=0 --no-kill bash -c start_ray > "ray-$SLURM_JOB_ID.log" 2>&1 &

told= sweep=
trap 'told=1; [ -z "$sweep" ] || kill -TERM "$sweep"' TERM
again() { scontrol requeue "$SLURM_JOB_ID"; exit 130; }

for _ in $(seq 60); do
    [ "$told" ] && again
    [ "$(nodes)" -ge "$SLURM_JOB_NUM_NODES" ] && break
    sleep 2
done
echo "Ray: $(nodes) of $SLURM_JOB_NUM_NODES nodes at $address"

sweep run "$@" --address "$address" &
sweep=$!
wait "$sweep"
code=$?
if [ "$told" ]; then   # which ended that wait, not the sweep
    wait "$sweep"
    code=$?
    [ "$code" = 130 ] && again
fi
exit "$code"
