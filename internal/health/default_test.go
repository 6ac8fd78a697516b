package health

import "testing"

func TestDefaultCheckIsTheFirstTCPPort(t *testing.T) {
	tests := []struct {
		ports []string
		want  string
	}{
		{nil, "(running)"},
		{[]string{"53/udp"}, "(running)"},
		{[]string{"5432"}, "tcp:5432"},
		{[]string{"53/udp", "53"}, "tcp:53"},
		{[]string{"80/TCP", "443"}, "tcp:80"},
		{[]string{"", "0", "x", "70000", "8080/tcp"}, "tcp:8080"},
	}
	for _, tt := range tests {
		if got := DefaultCheck(tt.ports).String(); got != tt.want {
			t.Errorf("DefaultCheck(%q) = %s, want %s", tt.ports, got, tt.want)
		}
	}
}
