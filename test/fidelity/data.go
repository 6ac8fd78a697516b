package fidelity

import (
	"embed"
	"io/fs"
)

//go:embed testdata/scenarios testdata/recordings testdata/world.json
var carried embed.FS

// Data is what this package carries: scenarios/*.json, recordings/*.json and world.json.
func Data() fs.FS {
	data, err := fs.Sub(carried, "testdata")
	if err != nil {
		panic(err) // the name is a constant
	}
	return data
}
