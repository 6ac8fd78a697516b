package pvesim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// savedState is the state file: what is not in the world file and is to survive a restart of the simulator. Tasks are not
// kept, and nothing that is under way: a container that was being created is a stub with a lock afterwards, as behind a
// node that lost its power.
type savedState struct {
	Guests  []savedGuest        `json:"guests"`
	Volumes []savedVolume       `json:"volumes"`
	ACLs    map[string]ACL      `json:"acls"`
	Pools   map[string][]string `json:"pools"`
}

type savedGuest struct {
	VMID    int    `json:"vmid"`
	Node    string `json:"node"`
	QEMU    bool   `json:"qemu,omitempty"`
	Config  string `json:"config"`
	Running bool   `json:"running,omitempty"`
	// Files are what commands inside wrote.
	Files map[string]string `json:"files,omitempty"`
}

type savedVolume struct {
	Node      string   `json:"node,omitempty"`
	VolID     string   `json:"volid"`
	Storage   string   `json:"storage"`
	Owner     int      `json:"owner"`
	Size      int64    `json:"size"`
	Format    string   `json:"format"`
	Made      int64    `json:"made"`
	Snapshots []string `json:"snapshots,omitempty"`
}

// KeepState writes the state file every second in which something changed, until ctx ends, and a last time then: a simulator that is
// killed comes back a second older.
func (s *Simulator) KeepState(ctx context.Context, path string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var written []byte
	for ended := false; ; {
		data, err := s.marshalState()
		if err == nil && !bytes.Equal(data, written) {
			if err = writeState(path, data); err == nil {
				written = data
			}
		}
		if ended {
			return err // of the last attempt: what went wrong before was tried again
		}
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
	}
}

// SaveState writes the state file, in whole or not at all.
func (s *Simulator) SaveState(path string) error {
	data, err := s.marshalState()
	if err != nil {
		return err
	}
	return writeState(path, data)
}

// marshalState is the state in an order of its own, so that the same state is the same text.
func (s *Simulator) marshalState() ([]byte, error) {
	s.lock()
	defer s.mu.Unlock()
	state := savedState{ACLs: s.access.acls, Pools: s.access.pools}
	for _, g := range s.guests {
		state.Guests = append(state.Guests, savedGuest{VMID: g.vmid, Node: g.node, QEMU: g.qemu, Config: g.text, Running: g.running(), Files: g.files})
	}
	for key, one := range s.volumes {
		state.Volumes = append(state.Volumes, savedVolume{
			Node: key.node, VolID: one.volid, Storage: one.storage, Owner: one.owner, Size: one.size, Format: one.format, Made: one.made,
			Snapshots: one.snapshots,
		})
	}
	slices.SortFunc(state.Guests, func(a, b savedGuest) int { return cmp.Compare(a.VMID, b.VMID) })
	slices.SortFunc(state.Volumes, func(a, b savedVolume) int {
		return cmp.Or(cmp.Compare(a.VolID, b.VolID), cmp.Compare(a.Node, b.Node))
	})
	data, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return nil, fmt.Errorf("save state: %w", err)
	}
	return data, nil
}

func writeState(path string, data []byte) error {
	draft := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(draft, data, 0o600); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// LoadState puts a state file in the place of what the world file has in containers, ACLs and pools. A file that does
// not exist changes nothing.
func (s *Simulator) LoadState(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	var state savedState
	if err := json.Unmarshal(data, &state); err != nil {
		return fmt.Errorf("load state: %s is no state file of pvesim: %w", path, err)
	}
	s.lock()
	defer s.mu.Unlock()
	for _, one := range state.Guests {
		if s.nodes[one.Node] == nil {
			return fmt.Errorf("load state: container %d is on node %q, which the world file does not have", one.VMID, one.Node)
		}
	}
	for _, g := range s.guests {
		g.closeServices()
	}
	clear(s.guests)
	clear(s.volumes)
	clear(s.dirty)
	for _, one := range state.Volumes {
		s.volumes[volumeKey{node: one.Node, volid: one.VolID}] = &volume{
			volid: one.VolID, storage: one.Storage, owner: one.Owner, size: one.Size, format: one.Format, made: one.Made,
			snapshots: one.Snapshots,
		}
	}
	for _, one := range state.Guests {
		g := &guest{vmid: one.VMID, node: one.Node, qemu: one.QEMU, files: one.Files}
		s.guests[one.VMID] = g
		s.store(g, parseConfig(one.Config))
		if one.Running && !one.QEMU {
			s.powerOn(g)
		}
	}
	if state.ACLs != nil {
		s.access.acls = state.ACLs
	}
	if state.Pools != nil {
		s.access.pools = state.Pools
		s.access.indexPools()
	}
	s.publish()
	return nil
}
