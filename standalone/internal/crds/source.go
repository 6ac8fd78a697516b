package crds

import (
	"io/fs"

	"github.com/nixmox/nixmox-controller/config/crd"
)

// bases are the generated definitions of this repository.
func bases() fs.FS { return crd.FS }
