"""Prints every operator that an old PyTorch declares: `python torch_1_8_operators.py`.

The output under Python 3.9 with torch 1.8.1 is `torch_1_8_operators.txt`. Each line is a
declaration. Those that write into a given tensor `out` are left out, since no traced network has
them.
"""

import torch

if __name__ == "__main__":
    declarations = {str(schema) for schema in torch._C._jit_get_all_schemas()}
    print("\n".join(sorted(d for d in declarations if d[:6] == "aten::" and "a!) out" not in d)))
