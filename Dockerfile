# The evaluation server builds this image and runs /home/aicrowd/run.sh in it without internet.
# PACKAGES: "cuda", or "cpu" to leave the GPU's libraries out; the index at TORCH_INDEX must then
# serve a PyTorch that was built without them.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

ARG PACKAGES=cuda
ARG TORCH_INDEX=
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib XDG_CACHE_HOME=/tmp/cache

RUN useradd --create-home --uid 1001 aicrowd
WORKDIR /home/aicrowd

COPY requirements.lock image/packages.sh image/
RUN sh image/packages.sh "$PACKAGES" "$TORCH_INDEX" image/requirements.lock

COPY . .
# The image's lock names what the image has; run.sh checks it.
RUN mv image/requirements.lock.image requirements.lock

USER 1001
CMD ["/home/aicrowd/run.sh"]
