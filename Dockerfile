# The evaluation server builds this image and runs /home/aicrowd/run.sh without internet.
FROM python:3.11-slim-bookworm

RUN useradd --create-home --uid 1001 aicrowd
WORKDIR /home/aicrowd

COPY requirements.lock .
RUN pip install --no-cache-dir --no-deps --requirement requirements.lock

COPY --chown=aicrowd:aicrowd . .
USER aicrowd
ENV PYTHONUNBUFFERED=1
CMD ["/home/aicrowd/run.sh"]
