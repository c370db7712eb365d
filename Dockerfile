# The operator and its sandbox in one image: `docker build -t redox-operator:0.1.0 .`
# BASE is any image with Python 3.11 or newer as `python`; name a mirror or a digest with --build-arg.
ARG BASE=python:3.13-slim

# The wheel of this project. Its build backend comes from the lock file too, so that nothing that is
# not pinned by hash runs in a build.
FROM ${BASE} AS wheel
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/build
COPY requirements/dev.txt /src/requirements/
RUN /opt/build/bin/python -m pip install --require-hashes --requirement /src/requirements/dev.txt
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src

# What runs: the locked dependencies and the wheel, in an environment without pip.
FROM ${BASE} AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /opt/redox-operator
COPY requirements/run.txt /src/requirements/
RUN python -m pip --python /opt/redox-operator/bin/python install --no-compile --require-hashes \
    --requirement /src/requirements/run.txt
COPY --from=wheel /wheels /wheels
RUN python -m pip --python /opt/redox-operator/bin/python install --no-compile --no-index --no-deps \
    /wheels/*.whl
# The root file system is read-only at run time. unchecked-hash: no look at the sources at start.
RUN /opt/redox-operator/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    /opt/redox-operator/lib

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="redox-operator" \
      org.opencontainers.image.description="Keeps short-lived Redox access tokens fresh in Kubernetes Secrets that pods mount" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=environment /opt/redox-operator /opt/redox-operator
ENV PATH=/opt/redox-operator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# By number: `runAsNonRoot` cannot tell what a name stands for.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["redox-operator"]
CMD ["run"]
