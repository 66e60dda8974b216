#!/bin/bash
# Runs the {{ shards }} shards of {{ name }} as an array of Slurm: sbatch {{ script }}
#SBATCH --job-name={{ job }}
#SBATCH --array={{ array }}{{ at_once }}
#SBATCH --output={{ output }}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --time={{ time }}
#SBATCH --cpus-per-task={{ cpus }}
#SBATCH --mem={{ memory }}
#SBATCH --gres=gpu:{{ gpus }}
#SBATCH --partition={{ queue }}
#SBATCH --account={{ account }}
{{ directives }}

shard=${SLURM_ARRAY_TASK_ID:?is set in arrays of Slurm, submit this by sbatch}
cd {{ directory }} || exit
{{ lines }}
exec {{ command }}
