# Seven images from one file:
#   operator         the operator and the CLI: nothing that builds or installs
#   runtime-serve    the model server: no torch, no compiler, no pip
#   runtime-compile  what compiles models for CPUs: torch and g++ besides
#   runtime-cuda     what compiles and serves for CUDA devices (never built here: docs/how-to/cuda-image.md)
#   runtime-vllm     vLLM for CPUs, which prepares and serves models that generate text
#   runtime-vllm-device  the same on an accelerator's own image of vLLM (never built here: docs/how-to/serve-text.md)
#   runtime-neuron   what compiles and serves for AWS Neuron, on AWS's own image (never built here: docs/how-to/neuron-image.md)
#
# BASE is any Debian bookworm with Python 3.11 and its venv module (the official slim image, or Debian's own python3 + python3-venv).
# A build behind a proxy or with its own certificates passes --build-arg PIP_CERT=... and --build-arg SSL_CERT_FILE=... (and mounts the file);
# they are set while packages are installed and in no image's environment.
#
# The virtual environments stay at one path (scripts name it), dependencies are a layer of their own below the source's. The large ones are made
# where they stay, by a uv that is removed again, and in three layers (CUDA's libraries, torch, the rest): a builder holds a new layer up to four
# times, and copied from a stage of their own their 4 to 6 GB would be there twice more.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
# An accelerator's vendor brings framework, compiler and runtime in its own image; the last one that AWS published for torch-neuronx 2.9.
ARG NEURON_BASE=public.ecr.aws/neuron/pytorch-inference-neuronx:2.9.0-neuronx-py312-sdk2.31.1-ubuntu24.04

# vLLM with CUDA; for other accelerators their image, such as public.ecr.aws/neuron/pytorch-inference-vllm-neuronx:TAG.
ARG VLLM_BASE=docker.io/vllm/vllm-openai:v0.32.0

FROM ${BASE} AS build
ARG PIP_CERT
ARG PIP_DEFAULT_TIMEOUT=180
COPY locks/build.txt /locks/build.txt
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r /locks/build.txt

# A package is its source, compiled to bytecode here because the image's file system will be read-only, and one small launcher. Each image
# takes only its own package: a change of the operator makes no new runtime image, and so no new revision of anything that serves.
FROM build AS operator-source
COPY operator/steelyard /opt/app/steelyard
RUN mkdir /opt/app/bin \
    && for word in "steelyard-operator steelyard.app.main" "steelyard steelyard.cli.main"; do set -- $word; \
       printf '#!/opt/steelyard/bin/python\nimport sys\nfrom %s import main\nif __name__ == "__main__":\n    sys.exit(main())\n' "$2" > "/opt/app/bin/$1"; done \
    && chmod 0755 /opt/app/bin/* && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/app/steelyard

FROM build AS runtime-source
COPY runtime/steelyard_runtime /opt/app/steelyard_runtime
RUN mkdir /opt/app/bin \
    && printf '#!/opt/steelyard/bin/python\nimport sys\nfrom steelyard_runtime.main import main\nsys.exit(main())\n' > /opt/app/bin/steelyard-runtime \
    && chmod 0755 /opt/app/bin/* && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/app/steelyard_runtime

# uv makes environments without pip.
FROM build AS operator-dependencies
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
COPY locks/operator.txt /locks/
RUN /opt/build/bin/uv venv --python "$(command -v python3)" /opt/steelyard \
    && /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/operator.txt

FROM build AS serve-dependencies
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
COPY locks/runtime-serve.txt /locks/
RUN /opt/build/bin/uv venv --python "$(command -v python3)" /opt/steelyard \
    && /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/runtime-serve.txt

# The light images stand on the base without what makes environments: pip, and the wheels that venv would install. Python itself stays.
FROM ${BASE} AS light
RUN dpkg-query -W -f '${Package}\n' 'python3*-venv' 'python3-*-whl' 2>/dev/null | xargs -r dpkg --purge --force-depends \
    && rm -rf /usr/local/bin/pip* /usr/local/bin/wheel /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/*

FROM light AS operator
COPY --from=operator-dependencies /opt/steelyard /opt/steelyard
COPY --from=operator-source /opt/app /opt/app
ENV PATH=/opt/app/bin:/opt/steelyard/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp
USER 65532:65532
ENTRYPOINT ["steelyard-operator"]

FROM light AS runtime-serve
COPY --from=serve-dependencies /opt/steelyard /opt/steelyard
COPY --from=runtime-source /opt/app /opt/app
ENV PATH=/opt/app/bin:/opt/steelyard/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp TOKENIZERS_PARALLELISM=false
USER 65532:65532
ENTRYPOINT ["steelyard-runtime"]

FROM ${BASE} AS runtime-compile
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
# Inductor calls g++, and needs Python's headers: the official image has them, Debian's Python keeps them apart.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ $(test "$(command -v python3)" = /usr/bin/python3 && echo python3-dev) \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/build/bin/uv /opt/build/bin/uv
COPY locks/runtime-compile.txt /locks/
# PyPI's torch links CUDA's libraries at import. cuDNN's engines and NVSHMEM's device code are only opened for a GPU: 1 GB that no compile on
# CPUs needs.
RUN /opt/build/bin/uv venv --python "$(command -v python3)" /opt/steelyard \
    && awk '/^[^ ]/ { taken = /^(cuda|nvidia)-/ } taken' /locks/runtime-compile.txt \
    | /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r - \
    && rm -f /opt/steelyard/lib/python3*/site-packages/nvidia/cudnn/lib/libcudnn_* /opt/steelyard/lib/python3*/site-packages/nvidia/nvshmem/lib/*.bc
RUN awk '/^[^ ]/ { taken = /^(torch|triton)==/ } taken' /locks/runtime-compile.txt \
    | /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r -
RUN /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/runtime-compile.txt \
    && rm -rf /opt/build
COPY --from=runtime-source /opt/app /opt/app
# USER: inductor names its cache after the user, and 65532 has no name.
ENV PATH=/opt/app/bin:/opt/steelyard/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp USER=steelyard \
    TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
USER 65532:65532
ENTRYPOINT ["steelyard-runtime"]

FROM ${BASE} AS runtime-cuda
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
# Inductor and triton call g++ and gcc, and need Python's headers: the official image has them, Debian's Python keeps them apart.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ $(test "$(command -v python3)" = /usr/bin/python3 && echo python3-dev) \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/build/bin/uv /opt/build/bin/uv
COPY locks/runtime-cuda.txt /locks/
# CUDA's headers are in the wheels. Its driver is not, and never in an image: NVIDIA's container toolkit lays the node's own beside it, where
# the linker finds it by this name.
RUN /opt/build/bin/uv venv --python "$(command -v python3)" /opt/steelyard \
    && awk '/^[^ ]/ { taken = /^(cuda|nvidia)-/ } taken' /locks/runtime-cuda.txt \
    | /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r - \
    && ln -s "$(echo /opt/steelyard/lib/python3*/site-packages/nvidia/cu13)" /opt/steelyard/cuda \
    && ln -s "/usr/lib/$(uname -m)-linux-gnu/libcuda.so.1" /opt/steelyard/cuda/lib/libcuda.so
RUN awk '/^[^ ]/ { taken = /^(torch|triton)==/ } taken' /locks/runtime-cuda.txt \
    | /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r -
RUN /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/runtime-cuda.txt \
    && rm -rf /opt/build
COPY --from=runtime-source /opt/app /opt/app
# NVIDIA_DRIVER_CAPABILITIES: compute is CUDA, utility is NVML. Which devices are visible is said by the device plugin, and by nothing here.
ENV PATH=/opt/app/bin:/opt/steelyard/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp USER=steelyard \
    TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 CUDA_HOME=/opt/steelyard/cuda NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 65532:65532
ENTRYPOINT ["steelyard-runtime"]

FROM ${BASE} AS runtime-vllm
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
# torch compiles with g++, and needs Python's headers (see runtime-compile).
RUN apt-get update \
    && apt-get install -y --no-install-recommends libnuma1 g++ $(test "$(command -v python3)" = /usr/bin/python3 && echo python3-dev) \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/build/bin/uv /opt/build/bin/uv
COPY locks/runtime-vllm.txt /locks/
RUN /opt/build/bin/uv venv --python "$(command -v python3)" /opt/steelyard \
    && awk '/^[^ ]/ { taken = /^(cuda|nvidia)-/ } taken' /locks/runtime-vllm.txt \
    | /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r - \
    && rm -f /opt/steelyard/lib/python3*/site-packages/nvidia/cudnn/lib/libcudnn_* /opt/steelyard/lib/python3*/site-packages/nvidia/nvshmem/lib/*.bc
RUN awk '/^[^ ]/ { taken = /^(torch|triton)==/ } taken' /locks/runtime-vllm.txt \
    | /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r -
RUN /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/runtime-vllm.txt \
    && rm -rf /opt/build
COPY --from=runtime-source /opt/app /opt/app
# HOME: vLLM and torch keep what they find out below it.
ENV PATH=/opt/app/bin:/opt/steelyard/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp USER=steelyard \
    TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
USER 65532:65532
ENTRYPOINT ["steelyard-runtime"]

# Beside the base's own packages: vLLM, torch, and nearly all that the runtime needs.
FROM ${VLLM_BASE} AS runtime-vllm-device
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
USER root
COPY --from=build /opt/build/bin/uv /opt/build/bin/uv
COPY locks/runtime-vllm-device.txt /locks/
RUN /opt/build/bin/uv venv --system-site-packages --python "$(command -v python3)" /opt/steelyard \
    && /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/runtime-vllm-device.txt \
    && rm -rf /opt/build
COPY --from=runtime-source /opt/app /opt/app
ENV PATH=/opt/app/bin:/opt/steelyard/bin:${PATH} PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp USER=steelyard \
    TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
USER 65532:65532
ENTRYPOINT ["steelyard-runtime"]

# Beside the base's own packages, which are used as they are: torch, torch-neuronx, neuronx-cc, numpy. The lock has none of them.
FROM ${NEURON_BASE} AS runtime-neuron
ARG SSL_CERT_FILE
ARG UV_HTTP_TIMEOUT=300
COPY --from=build /opt/build/bin/uv /opt/build/bin/uv
COPY locks/runtime-neuron.txt /locks/
RUN /opt/build/bin/uv venv --system-site-packages --python "$(command -v python3)" /opt/steelyard \
    && /opt/build/bin/uv pip install --python /opt/steelyard/bin/python --no-cache --require-hashes --no-deps --compile-bytecode -r /locks/runtime-neuron.txt \
    && rm -rf /opt/build
COPY --from=runtime-source /opt/app /opt/app
# HOME: neuronx-cc keeps its scratch below it.
ENV PATH=/opt/app/bin:/opt/steelyard/bin:/opt/aws/neuron/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/app PYTHONUNBUFFERED=1 HOME=/tmp \
    USER=steelyard TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
USER 65532:65532
ENTRYPOINT ["steelyard-runtime"]
