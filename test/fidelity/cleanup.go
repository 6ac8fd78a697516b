package fidelity

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// cleanUp destroys the scenario's containers, whatever state they are in.
func (r *Runner) cleanUp(ctx context.Context, scenario *Scenario) {
	ctx, cancel := context.WithTimeout(ctx, taskPatience)
	defer cancel()
	for _, vmid := range slices.Backward(scenario.VMIDs) {
		for range 3 {
			gone, err := r.destroy(ctx, vmid)
			if err != nil {
				r.log(fmt.Sprintf("clean up %d: %v", vmid, err))
			}
			if gone || sleep(ctx, min(time.Second, 4*r.pause())) != nil {
				break
			}
		}
	}
}

// destroy tries to; it reports whether there is no such container any more.
func (r *Runner) destroy(ctx context.Context, vmid int) (gone bool, err error) {
	path := fmt.Sprintf("/nodes/%s/lxc/%d", r.World.Node.Name, vmid)
	config, err := r.get(ctx, path+"/config", nil)
	if err != nil || config.Status != 200 {
		return err == nil, err
	}
	full := r.World.Tokens["full"].header()
	if unlock := r.Hooks["unlock"]; unlock != nil && config.At("data.lock") != nil {
		if err := unlock(ctx, vmid); err != nil {
			return false, fmt.Errorf("unlock: %w", err)
		}
	}
	if config.At("data.protection") != nil {
		unprotect := call{method: "PUT", path: path + "/config", form: map[string]any{"delete": "protection"}, authorization: full}
		if _, err := r.send(ctx, unprotect); err != nil {
			return false, err
		}
	}
	query := map[string]any{"force": 1, "purge": 1, "destroy-unreferenced-disks": 1}
	answer, err := r.send(ctx, call{method: "DELETE", path: path, query: query, authorization: full})
	if err != nil {
		return false, err
	}
	if upid, ok := answer.upid(); ok {
		if _, err := r.waitForTask(ctx, upid); err != nil {
			return false, err
		}
	}
	config, err = r.get(ctx, path+"/config", nil)
	return err == nil && config.Status != 200, err
}
