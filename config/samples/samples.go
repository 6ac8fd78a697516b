// Package samples holds the example manifests and the simulated Proxmox that the demo runs them on.
package samples

import "embed"

// FS holds stack/ (ten services in six phases), small/ (two services) and demo/world.json.
//
//go:embed stack/*.yaml small/*.yaml demo/world.json
var FS embed.FS
