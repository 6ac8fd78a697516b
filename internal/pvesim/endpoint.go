package pvesim

import (
	"context"
	"fmt"
	"net/http"
)

// contactedKey is where a request keeps the node that it was sent to.
type contactedKey struct{}

// NodeHandler is the API as one node of the cluster serves it: `localhost` in a path is that node, and while it is away its connections
// are closed without an answer. Handler is the first node's, and answers even then.
func (s *Simulator) NodeHandler(name string) (http.Handler, error) {
	if s.nodes[name] == nil {
		return nil, fmt.Errorf("there is no node %q in the world", name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.lock()
		online := s.nodes[name].online
		s.mu.Unlock()
		if !online {
			panic(http.ErrAbortHandler) // closes the connection
		}
		s.serve(w, r.WithContext(context.WithValue(r.Context(), contactedKey{}, name)))
	}), nil
}

// contacted is the node that a request was sent to.
func (s *Simulator) contacted(r *http.Request) string {
	if name, ok := r.Context().Value(contactedKey{}).(string); ok {
		return name
	}
	return s.world.Nodes[0].Name
}
