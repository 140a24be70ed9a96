#!/usr/bin/env bash
# Trains on one data set and exports the representation; locally it then scores it.
#   ./run.sh [CONFIG [NAME [--set SETTING=VALUE ...]]]
# CONFIG: a gin file, configs/best.gin by default; NAME: of the experiment, experiment_name by default
# Example: ./run.sh configs/paper.gin mine --set Fit.seed=1
# Results: scratch/shared/NAME/report/report.html and representation/scores.json
# Variables: RUN_MINUTES (6): how long a run on rendered images may take; AICROWD_DATASET_NAME,
# AICROWD_OUTPUT_PATH, DISENTANGLEMENT_LIB_DATA: data set, folder of results, folder of images
# It ends with the status of the step that failed, or 128 + N after signal N.
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,9s/^# *//p' "${BASH_SOURCE[0]}"
  exit
fi
if [[ ${1:-} == -* || ${2:-} == -* ]]; then
  echo "error: expected CONFIG and NAME before the settings, got ${*:1:2}; for example" \
    "./run.sh configs/best.gin mine --set Fit.seed=1" >&2
  exit 2
fi
project=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
config=${1:-$project/configs/best.gin}
source "$project/python.sh"

if is_grading; then
  exec "$PYTHON" "$project/train_pytorch.py" "$config"
fi

# Runs Python and passes signals on to it. A foreground process would keep bash from hearing them.
run() {
  local status=0 child='' received=''
  trap 'received=INT; kill -INT $child 2>/dev/null || true' INT
  trap 'received=TERM; kill -TERM $child 2>/dev/null || true' TERM
  set -m  # gives the process a group of its own, in which it does not ignore SIGINT
  "$PYTHON" "$@" &
  child=$!
  set +m
  [[ -z $received ]] || kill "-$received" "$child" 2>/dev/null || true  # came before the child's number
  wait "$child" || status=$?
  while kill -0 "$child" 2>/dev/null; do  # a signal ends `wait`, not the process
    status=0
    wait "$child" || status=$?
  done
  trap - INT TERM
  return "$status"
}

[[ -n ${2:-} ]] && export AICROWD_EVALUATION_NAME=$2
source "$project/train_environ.sh"
case $AICROWD_DATASET_NAME in
  standin_*)
    data=$DISENTANGLEMENT_LIB_DATA/$AICROWD_DATASET_NAME/$AICROWD_DATASET_NAME.npz
    if [[ ! -e $data ]]; then
      # A mistake in the settings shows before the images are rendered, not after.
      run -m submission settings "$config" "${@:3}" >/dev/null
      if [[ -z ${STANDIN_GRID:-} ]]; then
        if [[ ! ${RUN_MINUTES:-6} =~ ^[0-9]*[1-9][0-9]*$ ]]; then
          echo "error: expected RUN_MINUTES to be a whole number of minutes, got $RUN_MINUTES" >&2
          exit 1
        fi
        echo "choosing a grid for a run of ${RUN_MINUTES:=6} minutes (RUN_MINUTES, or STANDIN_GRID)"
        estimate=$(run -m submission estimate "$config" --minutes "$RUN_MINUTES" "${@:3}")
        printf '%s\n' "${estimate%$'\n'*}" "the chosen grid: ${estimate##*$'\n'}"
        STANDIN_GRID=${estimate##*$'\n'}
      fi
    fi
    if [[ -n ${STANDIN_GRID:-} ]]; then  # an earlier file of another grid is refused
      run -m submission data render "$AICROWD_DATASET_NAME" --grid "$STANDIN_GRID"
    fi
    ;;
esac
run "$project/train_pytorch.py" "$config" "${@:3}"
run "$project/local_evaluation.py"
