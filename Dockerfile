# Models of /models behind HTTP:
#   docker build -t fasttext-lite .
#   docker run -p 127.0.0.1:8000:8000 -v ./models:/models:ro -e FASTTEXT_LITE_TOKEN fasttext-lite
# Any Debian with Python 3.10 or newer, and its venv, can be the base.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY datasets/zh_topics datasets/zh_topics
COPY datasets/en_topics datasets/en_topics
COPY fasttext_lite fasttext_lite
RUN python3 -m venv /opt/fasttext-lite \
 && /opt/fasttext-lite/bin/pip install --no-cache-dir --disable-pip-version-check '.[serve]' \
 && /opt/fasttext-lite/bin/pip uninstall --yes --quiet pip setuptools \
 && find /opt/fasttext-lite -type d -name tests -prune -exec rm -r '{}' +
# Kernels are compiled once, for the processor of this machine; on another one they are compiled
# anew, into the same folder, if it can be written.
ENV NUMBA_CACHE_DIR=/var/cache/fasttext-lite
COPY tools/warm.py .
RUN /opt/fasttext-lite/bin/python warm.py

FROM ${BASE}
COPY --from=build /opt/fasttext-lite /opt/fasttext-lite
COPY --from=build --chown=10001:10001 /var/cache/fasttext-lite /var/cache/fasttext-lite
ENV PATH=/opt/fasttext-lite/bin:$PATH NUMBA_CACHE_DIR=/var/cache/fasttext-lite PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/cache/fasttext-lite
EXPOSE 8000
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s CMD ["python", "-c", \
 "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# The token: -e FASTTEXT_LITE_TOKEN, or --token-file /run/secrets/NAME behind the models.
ENTRYPOINT ["fasttext-lite", "serve", "--host", "0.0.0.0"]
CMD ["/models/model.ftl"]
