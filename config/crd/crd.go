// Package crd holds the generated CustomResourceDefinitions, for programs that install them: the standalone mode and the tests.
package crd

import "embed"

// FS holds bases/*.yaml, one CustomResourceDefinition a file.
//
//go:embed bases/*.yaml
var FS embed.FS
