# Local values of the evaluation server's variables; not sourced while grading.

# set_default NAME VALUE: exports VALUE unless NAME has a value, of which ~/ is the home folder.
set_default() {
  local value
  read -r value <<<"${!1:-}" || true  # without the spaces around it
  [[ $value != "~/"* ]] || value=$HOME/${value#"~/"}
  export "$1=${value:-$2}"
}

set_default AICROWD_OUTPUT_PATH "$project/scratch/shared"
set_default AICROWD_EVALUATION_NAME experiment_name
set_default AICROWD_DATASET_NAME standin_real
set_default DISENTANGLEMENT_LIB_DATA "$project/scratch/dataset"
