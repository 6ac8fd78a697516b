package crds

import (
	"embed"
	"io/fs"
)

// bases is where the definitions come from: YAML files, one document each. One
// line to exchange for config/crd's file system.
func bases() fs.FS { return embed.FS{} }
