package forecast

import (
	"fmt"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/plan"
)

const disrupts = " (disrupts)"

// take reads the lines of a plan, as plan.Plan writes them and as status.plan keeps them.
func (s *Service) take(lines []string) {
	for _, line := range lines {
		if refusal, ok := strings.CutPrefix(line, "Refused: "); ok {
			s.Refused = append(s.Refused, refusal)
			continue
		}
		kind, causes, _ := strings.Cut(line, ": ")
		step := Step{Causes: []string{causes}}
		step.Kind, step.Disrupts = strings.CutSuffix(kind, disrupts)
		s.Disrupts = s.Disrupts || step.Disrupts
		s.Steps = append(s.Steps, step)
	}
}

// describe is a container that is to be made, in a few words each.
func describe(d plan.Desired) []string {
	causes := []string{
		fmt.Sprintf("%s at %s", d.Hostname, d.Net.IP),
		fmt.Sprintf("%d MiB memory, %s cpu, %s on %s", d.MemoryMiB, d.CPU, gib(d.RootBytes), d.Storage),
		"from " + d.Template,
	}
	for _, v := range d.Volumes {
		if v.HostPath != "" {
			causes = append(causes, fmt.Sprintf("volume %s: %s of the node at %s", v.Name, v.HostPath, v.MountPath))
			continue
		}
		causes = append(causes, fmt.Sprintf("volume %s: %s at %s", v.Name, gib(v.Bytes), v.MountPath))
	}
	return causes
}

func gib(bytes int64) string {
	if bytes%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", bytes>>30)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}
