# The operator and its sandbox in one image: `docker build -t redox-operator:0.1.0 .`
# BASE is any image with Python 3.11 or newer as `python`; name a mirror or a digest with --build-arg.
# BUILD_BASE may be a larger one, with pip and a compiler, when the same Python is in both.
ARG BASE=python:3.13-slim
ARG BUILD_BASE=${BASE}

# The locked dependencies and the wheel of this project, in an environment without pip. The build
# backend comes from the lock file too, so that nothing that is not pinned by hash runs in a build.
FROM ${BUILD_BASE} AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN ["python", "-m", "venv", "/opt/build"]
RUN ["python", "-m", "venv", "--without-pip", "/opt/redox-operator"]
COPY requirements /src/requirements
RUN /opt/build/bin/python -m pip install --require-hashes --requirement /src/requirements/dev.txt
RUN /opt/build/bin/python -m pip --python /opt/redox-operator/bin/python install --no-compile \
    --require-hashes --requirement /src/requirements/run.txt
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src
RUN /opt/build/bin/python -m pip --python /opt/redox-operator/bin/python install --no-compile \
    --no-index --no-deps /wheels/*.whl
# The root file system is read-only at run time. unchecked-hash: no look at the sources at start.
# In one process, so that two builds give the same bytecode.
RUN ["/opt/redox-operator/bin/python", "-m", "compileall", "-q", "-f", \
     "--invalidation-mode", "unchecked-hash", "/opt/redox-operator/lib"]

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
