package fidelity

import (
	"encoding/json"
	"fmt"
	"io/fs"
)

// World is what the replayer needs to know of world.json.
type World struct {
	// Endpoint is where the recorded installation was.
	Endpoint string `json:"endpoint"`
	Node     struct {
		Name string `json:"name"`
	} `json:"node"`
	// Tokens by the name that scenarios use; "full" has all rights and cleans up.
	Tokens map[string]Token `json:"tokens"`
}

// Token is an API token.
type Token struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

func (t Token) header() string { return "PVEAPIToken=" + t.ID + "=" + t.Secret }

// ReadWorld reads data's world.json.
func ReadWorld(data fs.FS) (*World, error) {
	text, err := fs.ReadFile(data, "world.json")
	if err != nil {
		return nil, fmt.Errorf("read the world: %w", err)
	}
	world := new(World)
	if err := json.Unmarshal(text, world); err != nil {
		return nil, fmt.Errorf("world.json: %w", err)
	}
	if _, ok := world.Tokens["full"]; !ok || world.Node.Name == "" {
		return nil, fmt.Errorf("world.json: it must name a node and a token `full`")
	}
	return world, nil
}
