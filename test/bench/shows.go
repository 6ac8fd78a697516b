package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
)

// shows asks the simulator, past its call log's count of the controller's calls, what the resource list says of the first container.
func (c *scene) shows(ctx context.Context, status string) (bool, error) {
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api2/json/cluster/resources?type=vm", nil)
	request.Header.Set("Authorization", fmt.Sprintf("PVEAPIToken=%s=%s", tokenID, tokenSecret))
	recorder := httptest.NewRecorder()
	c.sim.Handler().ServeHTTP(recorder, request)
	var reply struct {
		Data []struct {
			VMID   int
			Status string
		}
	}
	if err := json.Unmarshal(recorder.Body.Bytes(), &reply); err != nil {
		return false, err
	}
	return len(reply.Data) > 0 && reply.Data[0].Status == status, nil
}
