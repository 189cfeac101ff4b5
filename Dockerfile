# syntax=docker/dockerfile:1
# docker build --target cpu -t hpa:cpu .
# docker build --target cuda -t hpa:cuda .        needs the NVIDIA Container Toolkit to run: docker run --gpus all …
# docker run --rm -v "$PWD:/work" hpa:cpu train data=kaggle_hpa data.root=DIR run_dir=RUN

FROM python:3.11-slim AS wheel
WORKDIR /source
RUN pip install --no-cache-dir hatchling==1.33.0
COPY pyproject.toml README.md LICENSE train.py infer.py ./
COPY hpa hpa
COPY hydra_plugins hydra_plugins
COPY conf conf
COPY experiments experiments
RUN python -m hatchling build -t wheel -d /dist

FROM python:3.11-slim AS base
RUN pip install --no-cache-dir uv==0.13.9 && useradd --create-home --uid 1000 hpa && mkdir /work && chown hpa /work
COPY --from=wheel /dist /dist
COPY constraints.txt /dist/constraints.txt
ENV HPA_CACHE=/work/.cache/hpa NO_ALBUMENTATIONS_UPDATE=1 UV_NO_CACHE=1
ENTRYPOINT ["hpa"]
CMD ["--help"]

FROM base AS cuda
RUN uv pip install --system -c /dist/constraints.txt /dist/*.whl
USER 1000
WORKDIR /work

FROM base AS cpu
RUN uv pip install --system --torch-backend cpu -c /dist/constraints.txt /dist/*.whl
USER 1000
WORKDIR /work
