# Three stages: the dependencies, biLM with its model, and the image that runs. Only the last is
# shipped; a change of source leaves its large first layer as it was.
#
#   docker build -t bilm .
#
# Where the torch of your package index is a CUDA build, the image takes 5 GB instead of 1 GB. For a CPU
# build, name the index that https://pytorch.org/get-started/locally/ gives for it:
#
#   docker build -t bilm --build-arg PIP_EXTRA_INDEX_URL=… .

FROM python:3.11-slim AS dependencies
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY locks/service.txt locks/torch.txt /locks/
# Without pip of its own: the image that runs needs no installer. The bytecode that pip compiles
# stays, because the running image cannot write any.
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --require-hashes -r /locks/service.txt \
    && python3 -m pip --python /opt/venv/bin/python install -r /locks/torch.txt

# About 190 MB of torch are for building and testing C++. torch_shm_manager stays: import torch
# fails without it. The last line is the proof that nothing else was needed.
RUN cd /opt/venv/lib/python3.11/site-packages \
    && rm -rf torch/test torch/include torch/share \
    && find torch/bin -mindepth 1 ! -name torch_shm_manager -delete \
    && find torch -name '*.a' -delete \
    && /opt/venv/bin/python -c "import torch; torch.nn.LSTM(2, 2)(torch.zeros(1, 1, 2))"


FROM dependencies AS project
WORKDIR /build
COPY locks/build.txt ./
RUN python3 -m pip install --require-hashes -r build.txt
COPY pyproject.toml README.md LICENSE ./
COPY biLM biLM
COPY service service
COPY training training
COPY models models
# Readable for the user below, whatever the umask of the checkout was.
RUN python3 -m pip install --no-deps --no-build-isolation --target /project . \
    && chmod -R a+rX /project


FROM python:3.11-slim
LABEL org.opencontainers.image.title="biLM" \
      org.opencontainers.image.description="Contextual word vectors of a bidirectional LSTM language model over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 bilm \
    && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home --no-log-init --shell /usr/sbin/nologin bilm
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=project /project /opt/venv/lib/python3.11/site-packages

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BILM_HOST=0.0.0.0 \
    BILM_PORT=8000
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM

# http.client, because urllib would send the probe through a proxy that the environment names.
# Asking 0.0.0.0 asks this machine, so BILM_HOST is the right address whatever it is set to.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, sys; from http.client import HTTPConnection; c = HTTPConnection(os.environ['BILM_HOST'], int(os.environ['BILM_PORT']), timeout=2); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]

CMD ["python", "-m", "biLM", "serve"]
