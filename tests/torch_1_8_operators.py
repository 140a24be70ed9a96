"""Prints the plain operators as an old PyTorch declares them: `python torch_1_8_operators.py`.

Its output under Python 3.8 with torch 1.8.1 is `torch_1_8_operators.txt`. On one line each:
the overloads that a traced network can call, without those that fill a given tensor.
"""

import re

import torch

NAMES = """
_convolution adaptive_max_pool2d add amax batch_norm cat clamp_min div flatten linear max max_pool2d
mean mul pow relu relu_ reshape rsqrt sigmoid size sqrt square stack sub sum unsqueeze
upsample_bilinear2d view
"""

if __name__ == "__main__":
    names = {f"aten::{name}" for name in NAMES.split()}
    schemas = map(str, torch._C._jit_get_all_schemas())
    plain = [s for s in schemas if s.split("(")[0].split(".")[0] in names and "(Tensor" in s]
    kept = [s for s in plain if "a!) out" not in s and not re.search(r"\bstr\b", s)]
    print("\n".join(sorted(kept)))
