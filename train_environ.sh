# Local defaults of the evaluation server's variables; not sourced while grading.
export AICROWD_OUTPUT_PATH=${AICROWD_OUTPUT_PATH:-$project/scratch/shared}
export AICROWD_EVALUATION_NAME=${AICROWD_EVALUATION_NAME:-experiment_name}
export AICROWD_DATASET_NAME=${AICROWD_DATASET_NAME:-standin_real}
export DISENTANGLEMENT_LIB_DATA=${DISENTANGLEMENT_LIB_DATA:-$project/scratch/dataset}
