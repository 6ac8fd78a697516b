package plan

// growSteps enlarge disks, one call each. What is larger on Proxmox than asked for is fine; what is to become smaller is refused.
func growSteps(d Desired, o Observed) []Step {
	var steps []Step
	if d.RootBytes > o.RootBytes {
		steps = append(steps, grow("rootfs", "", o.RootBytes, d.RootBytes))
	}
	for _, v := range d.Volumes {
		if has := o.attached(v.Name); has != nil && !has.bound() && v.Bytes > has.Bytes {
			steps = append(steps, grow(has.Key, v.Name, has.Bytes, v.Bytes))
		}
	}
	return steps
}

func grow(disk, volume string, from, to int64) Step {
	field := FieldRoot
	if volume != "" {
		field = FieldVolume
	}
	return Step{Kind: Grow, Disk: disk, Bytes: to, Changes: []Change{{Field: field, Volume: volume, From: size(from), To: size(to)}}}
}

// refusals are the differences that only a new container, or the loss of data, could remove.
func refusals(d Desired, o Observed) []Refusal {
	var rs []Refusal
	if d.Unprivileged != o.Unprivileged {
		rs = append(rs, Refusal{Change{Field: FieldUnprivileged, From: onOff(o.Unprivileged), To: onOff(d.Unprivileged)},
			"Proxmox cannot change it on an existing container; set it back"})
	}
	if o.Template != "" && d.Template != o.Template {
		rs = append(rs, Refusal{Change{Field: FieldTemplate, From: o.Template, To: d.Template},
			"a container keeps the template that it was created from; set it back, or make a new service"})
	}
	if moves(d, o) && d.NodeRefused != "" {
		rs = append(rs, Refusal{Change{Field: FieldNode, From: o.Node, To: d.Node}, d.NodeRefused})
	}
	for _, v := range d.Volumes {
		if has := o.attached(v.Name); has != nil && v.HostPath == "" && !has.bound() && v.Storage != has.Storage {
			rs = append(rs, Refusal{Change{Field: FieldVolume, Volume: v.Name, From: "storage " + has.Storage, To: "storage " + v.Storage},
				"a volume is not moved between storages; set it back, or move it with `pct move-volume` first"})
		}
	}
	return append(rs, shrinks(d, o)...)
}

// shrinks compares with what was once granted, not with what Proxmox has: a disk that somebody enlarged by hand is fine as it is.
func shrinks(d Desired, o Observed) []Refusal {
	const why = "disks never shrink; ask for at least what it has"
	var rs []Refusal
	if d.RootBytes < o.GrantedRootBytes && d.RootBytes < o.RootBytes {
		rs = append(rs, Refusal{Change{Field: FieldRoot, From: size(o.RootBytes), To: size(d.RootBytes)}, why})
	}
	for _, v := range d.Volumes {
		if has := o.attached(v.Name); has != nil && v.HostPath == "" && v.Bytes < has.GrantedBytes && v.Bytes < has.Bytes {
			rs = append(rs, Refusal{Change{Field: FieldVolume, Volume: v.Name, From: size(has.Bytes), To: size(v.Bytes)}, why})
		}
	}
	return rs
}

// attached is the volume of a name that the container has, nil when it has none.
func (o *Observed) attached(name string) *ObservedVolume {
	for i := range o.Volumes {
		if o.Volumes[i].Name == name && o.Volumes[i].Place == Attached {
			return &o.Volumes[i]
		}
	}
	return nil
}
