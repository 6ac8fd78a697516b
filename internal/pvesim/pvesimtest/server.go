// Package pvesimtest serves a simulator inside a test, over real HTTP, and ends it with the test.
package pvesimtest

import (
	"net/http/httptest"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// Server is a simulator that a test talks to.
type Server struct {
	*pvesim.Simulator
	// URL is the endpoint without /api2/json, such as http://127.0.0.1:39215.
	URL string
}

// Start serves a world until the test ends.
func Start(t testing.TB, world *pvesim.World, options pvesim.Options) *Server {
	t.Helper()
	sim, err := pvesim.New(world, options)
	if err != nil {
		t.Fatalf("start the simulator: %v", err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		sim.Close() // first: it ends the calls that the server would wait for
		server.Close()
	})
	return &Server{Simulator: sim, URL: server.URL}
}

// World reads a world from its JSON text.
func World(t testing.TB, text string) *pvesim.World {
	t.Helper()
	world, err := pvesim.ParseWorld([]byte(text))
	if err != nil {
		t.Fatalf("read the world: %v", err)
	}
	return world
}
