package manifest

import "net/netip"

// Handover is how a service gets an address that a running container of
// another still has.
type Handover struct {
	// Holder is that other service.
	Holder Key
	// To is set for one service of each circle in which all want each other's
	// addresses, the last in deployment order: it stops first, so that To can
	// have its address, and takes its own once that is free.
	To Key
}

// Contested is whether anything is wrong with the set, or an address has to be handed over.
func (r *Report) Contested() bool { return len(r.Problems) > 0 || len(r.handovers) > 0 }

// Handover says who has the address that k asks for, and whether k has to stop
// first. ok is false when nobody else has it.
func (r *Report) Handover(k Key) (h Handover, ok bool) {
	i, known := r.set.find(k)
	if !known {
		return Handover{}, false
	}
	h, ok = r.handovers[i]
	return h, ok
}

// handOver finds the services whose address another one's container still has.
// That is nobody as long as all containers have what is asked for.
func (r *Report) handOver() {
	holders := map[netip.Addr]int32{}
	moving := false
	for i := range r.set.services {
		service := &r.set.services[i]
		if service.At.IsValid() {
			holders[service.At] = int32(i)
			moving = moving || !service.Enabled || service.At != service.IP.Unmap()
		}
	}
	if !moving {
		return
	}
	r.handovers = map[int32]Handover{}
	holderOf := map[int32]int32{}
	for i := range r.set.services {
		service := &r.set.services[i]
		if holder, held := holders[service.IP.Unmap()]; held && service.Enabled && holder != int32(i) {
			r.handovers[int32(i)] = Handover{Holder: r.set.services[holder].Key}
			holderOf[int32(i)] = holder
		}
	}
	for i := range holderOf {
		if circle := circleFrom(i, holderOf); circle != nil {
			r.breakUp(circle, holderOf)
		}
	}
}

// circleFrom follows the holders from a service; nil if that does not lead back
// to it.
func circleFrom(start int32, holderOf map[int32]int32) []int32 {
	circle := []int32{start}
	at := start
	for range len(holderOf) {
		next, moves := holderOf[at]
		switch {
		case !moves:
			return nil
		case next == start:
			return circle
		}
		circle, at = append(circle, next), next
	}
	return nil
}

// breakUp has the last of a circle stop, unless one of it may not be changed:
// then stopping would help nobody.
func (r *Report) breakUp(circle []int32, holderOf map[int32]int32) {
	last := circle[0]
	for _, i := range circle {
		service := &r.set.services[i]
		if _, blocked := r.Block(service.Key); service.Pinned || blocked {
			return
		}
		if r.later(i, last) {
			last = i
		}
	}
	for _, i := range circle {
		if holderOf[i] == last {
			h := r.handovers[last]
			h.To = r.set.services[i].Key
			r.handovers[last] = h
		}
	}
}

// later is whether a service comes after another in the deployment order.
func (r *Report) later(a, b int32) bool {
	if x, y := r.phasing.Number(a), r.phasing.Number(b); x != y {
		return x > y
	}
	if x, y := r.set.graph.Level(a), r.set.graph.Level(b); x != y {
		return x > y
	}
	return a > b
}
