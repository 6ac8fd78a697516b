# The controller's image, built by you, from a clone: no image is published.
#   docker build -t nixmox-controller:dev .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN make controller VERSION="$VERSION"

FROM scratch
# The system's certificate authorities, for a Proxmox whose certificate a public one has signed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/bin/controller /controller
USER 65532:65532
ENTRYPOINT ["/controller"]
