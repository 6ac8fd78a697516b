package controllers

import (
	"cmp"
	"time"
)

// Timing is the patience of a controller. The zero value is that of production; tests, which cannot wait that long, shorten it.
type Timing struct {
	// LostReply is how long a call whose answer was lost may still have its effect: longer than Proxmox's own proxy waits for a node
	// (30 s). Default 45 s.
	LostReply time.Duration
	// Retry is the pause after the first failure of a step; it doubles with every further one, up to MostRetry. Default 5 s.
	Retry time.Duration
	// BootGrace is how long after its start a container that has not passed its check is not shut down: until systemd runs, the first process
	// of a NixOS guest is a shell that drops the signal. Default 30 s.
	BootGrace time.Duration
	// SoundRun is how long a container must run before a stop of its own counts as the first again. Default 10 min.
	SoundRun time.Duration
	// LongestPause bounds the time until an object that nothing wakes is looked at again. Default: each outcome's own.
	LongestPause time.Duration
	// ShortTask is how long a task runs before its UPID is written to the status. Default 3 s.
	ShortTask time.Duration
	// Telling is how long a service without a container waits before its status says for what, and how long no step of another must have begun
	// then. Default 300 ms.
	Telling time.Duration
	// Outbreak is how long after each other services fall ill that are ill together; no service is restarted sooner. Default 1 min.
	Outbreak time.Duration
}

// outbreak is the window within which illnesses belong together, and how long a service is ill before it is restarted.
func (t Timing) outbreak() time.Duration {
	if t.Outbreak > 0 {
		return t.Outbreak
	}
	return time.Minute
}

// MostRetry is the longest pause between two attempts of a step that fails.
const MostRetry = 5 * time.Minute

func (t Timing) lostReply() time.Duration {
	if t.LostReply > 0 {
		return t.LostReply
	}
	return 45 * time.Second
}

func (t Timing) shortTask() time.Duration { return cmp.Or(t.ShortTask, 3*time.Second) }

func (t Timing) telling() time.Duration { return cmp.Or(t.Telling, 300*time.Millisecond) }

func (t Timing) bootGrace() time.Duration { return cmp.Or(t.BootGrace, 30*time.Second) }

func (t Timing) soundRun() time.Duration { return cmp.Or(t.SoundRun, 10*time.Minute) }

// restart is the pause before a container that stopped by itself so many times in a row is started again: none after the first time.
func (t Timing) restart(count int32) time.Duration {
	if count <= 1 {
		return 0
	}
	return t.retry(count)
}

// retry is the pause after so many failures in a row.
func (t Timing) retry(count int32) time.Duration {
	first := t.Retry
	if first <= 0 {
		first = 5 * time.Second
	}
	return min(first<<min(count-1, 10), MostRetry)
}

// pause is the time until the next look, of which zero means that something will wake us.
func (t Timing) pause(wanted time.Duration) time.Duration {
	if t.LongestPause > 0 && wanted > t.LongestPause {
		return t.LongestPause
	}
	return wanted
}
