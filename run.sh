#!/usr/bin/env bash
# Trains on one data set and exports the representation; locally it then scores it.
#   ./run.sh [CONFIG [NAME [--set SETTING=VALUE ...]]]
# CONFIG: a gin file (configs/best.gin), NAME: of the experiment
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
config=${1:-$project/configs/best.gin}

if [[ -n ${AICROWD_IS_GRADING+set} ]]; then
  source "$project/python.sh"
  exec "$PYTHON" "$project/train_pytorch.py" "$config"
fi

[[ -n ${2:-} ]] && export AICROWD_EVALUATION_NAME=$2
source "$project/python.sh"
source "$project/train_environ.sh"
case $AICROWD_DATASET_NAME in
  standin_*)
    data=$DISENTANGLEMENT_LIB_DATA/$AICROWD_DATASET_NAME/$AICROWD_DATASET_NAME.npz
    if [[ ! -e $data ]]; then
      # A mistake in the settings is told before the images are rendered, not after.
      "$PYTHON" -m submission settings "$config" "${@:3}" >/dev/null
      echo "rendering $AICROWD_DATASET_NAME, a look-alike of MPI3D (once)"
      "$PYTHON" -m submission data render "$AICROWD_DATASET_NAME" \
        ${STANDIN_GRID:+--grid "$STANDIN_GRID"}
    elif [[ -n ${STANDIN_GRID:-} ]]; then
      echo "note: $data is used as it is; delete it to render the grid $STANDIN_GRID"
    fi
    ;;
esac
"$PYTHON" "$project/train_pytorch.py" "$config" "${@:3}"
"$PYTHON" "$project/local_evaluation.py"
