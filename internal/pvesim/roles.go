package pvesim

import (
	"slices"
	"strings"
)

// allPrivileges are the privileges of Proxmox VE 9.2 (observed: what Administrator has there).
var allPrivileges = strings.Fields(`
	Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit
	Group.Allocate Mapping.Audit Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit
	Realm.Allocate Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use
	Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify
	VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk
	VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit
	VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted
	VM.Migrate VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback`)

// builtinRoles are the roles that every installation has (PVE/AccessControl.pm).
var builtinRoles = map[string][]string{
	"Administrator":     allPrivileges,
	"NoAccess":          {},
	"PVEAdmin":          privilegesExcept("Permissions.Modify", "Realm.Allocate", "Sys.AccessNetwork", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt"),
	"PVEAuditor":        {"Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit", "VM.GuestAgent.Audit"},
	"PVEDatastoreAdmin": privilegesOf("Datastore."),
	"PVEDatastoreUser":  {"Datastore.AllocateSpace", "Datastore.Audit"},
	"PVEMappingAdmin":   privilegesOf("Mapping."),
	"PVEMappingAuditor": {"Mapping.Audit"},
	"PVEMappingUser":    {"Mapping.Audit", "Mapping.Use"},
	"PVEPoolAdmin":      privilegesOf("Pool."),
	"PVEPoolUser":       {"Pool.Audit"},
	"PVESDNAdmin":       privilegesOf("SDN."),
	"PVESDNUser":        {"SDN.Audit", "SDN.Use"},
	"PVESysAdmin":       {"Sys.Audit", "Sys.Console", "Sys.Syslog"},
	"PVETemplateUser":   {"VM.Audit", "VM.Clone"},
	"PVEUserAdmin":      {"Group.Allocate", "Realm.AllocateUser", "User.Modify"},
	"PVEVMAdmin":        privilegesOf("VM."),
	"PVEVMUser": {"VM.Audit", "VM.Backup", "VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.GuestAgent.Audit",
		"VM.GuestAgent.FileRead", "VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.FileWrite", "VM.PowerMgmt"},
}

func privilegesOf(prefix string) []string {
	return slices.DeleteFunc(slices.Clone(allPrivileges), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

func privilegesExcept(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(allPrivileges), func(name string) bool { return slices.Contains(names, name) })
}
