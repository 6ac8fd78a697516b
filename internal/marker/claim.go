package marker

// Claim is what a container's marker, or the lack of one, says about whose it is.
type Claim int

// The claims.
const (
	// Unmarked: nobody's, as far as markers tell.
	Unmarked Claim = iota
	// Ours: of this service.
	Ours
	// Disputed: of this service, and two controllers took it from each other.
	Disputed
	// Copy: a clone or a restored backup of another container. Its marker came with the copy and says nothing about it.
	Copy
	// Elsewhere: of another service or another instance, or on its way to be destroyed.
	Elsewhere
)

// Judge compares the marker that a container has with the one that it would have as this service's. The UID is not compared: an object
// that was deleted and made again takes its container back.
func Judge(found Marker, marked bool, want Marker) Claim {
	switch {
	case !marked:
		return Unmarked
	case found.VMID != want.VMID:
		return Copy
	case found.Instance != want.Instance || found.Service != want.Service || found.State == Deleting:
		return Elsewhere
	case found.State == Contested:
		return Disputed
	}
	return Ours
}
