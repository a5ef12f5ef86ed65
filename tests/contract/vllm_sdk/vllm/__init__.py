"""A stand-in of vLLM 0.32 on a CPU: its arguments as `--help=all` lists them, its pages, its answers. It generates nothing worth reading."""
