# The evaluation server builds this image and runs /home/aicrowd/run.sh in it without internet.
# PACKAGES: "cuda", or "cpu" for a smaller image that knows no GPU; it is smallest with the address
# of a package index at TORCH_INDEX that serves PyTorch without the GPU's libraries.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

ARG PACKAGES=cuda
ARG TORCH_INDEX=
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=/tmp/cache

RUN useradd --create-home --uid 1001 aicrowd
WORKDIR /home/aicrowd

COPY requirements.lock image/packages.py image/left_out.txt image/
RUN python3.11 image/packages.py "$PACKAGES" "$TORCH_INDEX" && rm image/requirements.lock

COPY . .

USER 1001
CMD ["/home/aicrowd/run.sh"]
