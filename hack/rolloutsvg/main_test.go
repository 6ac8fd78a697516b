package main

import (
	"os"
	"strings"
	"testing"
)

func TestThePictureIsThatOfTheRecording(t *testing.T) {
	recording, err := os.ReadFile("../../docs/images/rollout.txt")
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := picture(string(recording))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../../docs/images/rollout.svg")
	if err != nil {
		t.Fatal(err)
	}
	if drawn != string(kept) {
		t.Error("docs/images/rollout.svg is not what go run ./hack/rolloutsvg draws now: run it and commit the picture")
	}
}

func TestARecordingThatIsNone(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"without a summary": "  0.1s   0/10 ready  dns          Creating  Creating container 900 on pve1\n",
		"without services":  "demo: failed\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := picture(text); err == nil || !strings.Contains(err.Error(), "not what make demo-check prints") {
				t.Errorf("it was drawn: %v", err)
			}
		})
	}
}
