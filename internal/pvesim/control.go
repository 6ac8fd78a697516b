package pvesim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// controlRequest is the body of a control call; each verb uses some of it.
type controlRequest struct {
	VMID    int               `json:"vmid"`
	Command []string          `json:"command,omitempty"`
	Keys    map[string]string `json:"keys,omitempty"`
	Lock    string            `json:"lock,omitempty"`
	Unit    string            `json:"unit,omitempty"`
	Healthy bool              `json:"healthy,omitempty"`
	Deaf    bool              `json:"deaf,omitempty"`
	Node    string            `json:"node,omitempty"`
	Online  bool              `json:"online,omitempty"`
	Who     string            `json:"who,omitempty"`
	Path    string            `json:"path,omitempty"`
	Role    string            `json:"role,omitempty"`
	Fault   *Fault            `json:"fault,omitempty"`
	Name    string            `json:"name,omitempty"`
	Guest   *Guest            `json:"guest,omitempty"`
}

// ControlHandler answers the control endpoint: POST /VERB with a JSON body, outside the Proxmox API. It has no
// authentication: serve it on loopback alone. A verb that fails answers 400 and {"error": TEXT}.
func (s *Simulator) ControlHandler() http.Handler {
	verbs := map[string]func(*http.Request, controlRequest) (any, error){
		"exec":   func(r *http.Request, q controlRequest) (any, error) { return s.Exec(r.Context(), q.VMID, q.Command) },
		"stop":   func(_ *http.Request, q controlRequest) (any, error) { return nil, s.Stop(q.VMID) },
		"start":  func(_ *http.Request, q controlRequest) (any, error) { return nil, s.StartByHand(q.VMID) },
		"delete": func(_ *http.Request, q controlRequest) (any, error) { return nil, s.Delete(q.VMID) },
		"edit":   func(_ *http.Request, q controlRequest) (any, error) { return nil, s.Edit(q.VMID, q.Keys) },
		"lock":   func(_ *http.Request, q controlRequest) (any, error) { return nil, s.Lock(q.VMID, q.Lock) },
		"unlock": func(_ *http.Request, q controlRequest) (any, error) { return nil, s.Unlock(q.VMID) },
		"health": func(_ *http.Request, q controlRequest) (any, error) {
			return nil, s.SetHealthy(q.VMID, q.Unit, q.Healthy)
		},
		"deaf":       func(_ *http.Request, q controlRequest) (any, error) { return nil, s.SetDeaf(q.VMID, q.Deaf) },
		"node":       func(_ *http.Request, q controlRequest) (any, error) { return nil, s.SetNodeOnline(q.Node, q.Online) },
		"acl":        func(_ *http.Request, q controlRequest) (any, error) { return nil, s.SetACL(q.Who, q.Path, q.Role) },
		"containers": func(*http.Request, controlRequest) (any, error) { return s.Containers(), nil },
		"guest": func(_ *http.Request, q controlRequest) (any, error) {
			if q.Guest == nil {
				return nil, fmt.Errorf("give guest")
			}
			return nil, s.AddGuest(*q.Guest)
		},
		"fault": func(_ *http.Request, q controlRequest) (any, error) {
			if q.Fault == nil {
				return nil, fmt.Errorf("give fault")
			}
			return nil, s.AddFault(*q.Fault)
		},
		"quorum": func(_ *http.Request, q controlRequest) (any, error) {
			s.SetQuorum(q.Online)
			return nil, nil
		},
		"migrate": func(_ *http.Request, q controlRequest) (any, error) { return nil, s.Migrate(q.VMID, q.Node) },
		"hold":    func(_ *http.Request, q controlRequest) (any, error) { return nil, s.holdOn(q.VMID) },
		"release": func(_ *http.Request, q controlRequest) (any, error) { return nil, s.letGo(q.VMID) },
		"unfault": func(_ *http.Request, q controlRequest) (any, error) {
			s.RemoveFault(q.Name)
			return nil, nil
		},
	}
	mux := http.NewServeMux()
	for verb, run := range verbs {
		mux.HandleFunc("POST /"+verb, func(w http.ResponseWriter, r *http.Request) { serveControl(w, r, run) })
	}
	return mux
}

// holdOn keeps a file lock until release; two calls, so the simulator remembers it between them.
func (s *Simulator) holdOn(vmid int) error {
	free, err := s.HoldConfigLock(vmid)
	if err != nil {
		return err
	}
	s.lock()
	defer s.mu.Unlock()
	s.held[vmid] = free
	return nil
}

func (s *Simulator) letGo(vmid int) error {
	s.lock()
	free := s.held[vmid]
	delete(s.held, vmid)
	s.mu.Unlock()
	if free == nil {
		return fmt.Errorf("the file lock of %d is not held", vmid)
	}
	free()
	return nil
}

func serveControl(w http.ResponseWriter, r *http.Request, run func(*http.Request, controlRequest) (any, error)) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	var request controlRequest
	err := decoder.Decode(&request)
	var answer any
	if err == nil {
		answer, err = run(r, request)
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": err.Error()}
	}
	if answer == nil {
		answer = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(answer) // the caller is gone if this fails
}
