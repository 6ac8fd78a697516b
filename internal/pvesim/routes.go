package pvesim

import "net/http"

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	remove = http.MethodDelete
)

// routes are the methods that the simulator answers. A method that is not here is answered as one that Proxmox does not
// have, even if it does: docs/pvesim.md lists what is simulated.
var routes map[string]map[string]handler

func init() { // an initialiser of its own, as handlers look at routes' neighbours
	const container = "/nodes/{node}/lxc/{vmid}"
	routes = map[string]map[string]handler{
		"/version":                                         {get: getVersion},
		"/nodes":                                           {get: listNodes},
		"/nodes/{node}/version":                            {get: getVersion},
		"/nodes/{node}/status":                             {get: nodeStatus},
		"/nodes/{node}/tasks":                              {get: nodeTasks},
		"/nodes/{node}/tasks/{upid}":                       {get: taskIndex, remove: stopTask},
		"/nodes/{node}/tasks/{upid}/status":                {get: taskStatus},
		"/nodes/{node}/tasks/{upid}/log":                   {get: taskLog},
		"/nodes/{node}/storage":                            {get: listStorages},
		"/nodes/{node}/storage/{storage}/status":           {get: storageStatus},
		"/nodes/{node}/storage/{storage}/content":          {get: storageContent},
		"/nodes/{node}/storage/{storage}/content/{volume}": {get: volumeAttributes, remove: deleteVolume},

		"/cluster/nextid":                        {get: nextID},
		"/cluster/resources":                     {get: clusterResources},
		"/cluster/status":                        {get: clusterStatus},
		"/cluster/tasks":                         {get: clusterTasks},
		"/access/acl":                            {get: listACL, put: updateACL},
		"/access/roles":                          {get: listRoles},
		"/access/roles/{roleid}":                 {get: readRole},
		"/access/users/{userid}/token":           {get: listTokens},
		"/access/users/{userid}/token/{tokenid}": {get: readToken, post: createToken, remove: deleteToken},
		"/pools":                                 {get: listPools, post: createPool, put: updatePool, remove: deletePool},
		"/pools/{poolid}":                        {get: readPool, put: updatePool, remove: deletePool},
		"/storage":                               {get: storageConfig},
		"/nodes/{node}/network":                  {get: networks},
		"/access/permissions":                    {get: permissions},
		"/access/ticket":                         {post: login},

		"/nodes/{node}/lxc":                         {get: listContainers, post: createContainer},
		container:                                   {get: containerIndex, remove: destroyContainer},
		container + "/config":                       {get: getConfig, put: putConfig},
		container + "/pending":                      {get: getPending},
		container + "/interfaces":                   {get: interfaces},
		container + "/resize":                       {put: resizeDisk},
		container + "/feature":                      {get: feature},
		container + "/clone":                        {post: cloneContainer},
		container + "/template":                     {post: makeTemplate},
		container + "/move_volume":                  {post: moveVolume},
		container + "/migrate":                      {get: migratePreconditions, post: migrateContainer},
		container + "/snapshot":                     {get: listSnapshots, post: createSnapshot},
		container + "/snapshot/{snapname}":          {get: subdirectories("cmd", false, "config", "rollback"), remove: deleteSnapshot},
		container + "/snapshot/{snapname}/config":   {get: snapshotConfig, put: describeSnapshot},
		container + "/snapshot/{snapname}/rollback": {post: rollback},
		firewallPath + "/options":                   {get: firewallOptions, put: setFirewallOptions},
		firewallPath + "/rules":                     {get: firewallRules, post: addFirewallRule},
		firewallPath + "/rules/{pos}":               {get: firewallRule, put: changeFirewallRule, remove: deleteFirewallRule},
		container + "/status":                       {get: subdirectories("subdir", true, "current", "start", "stop", "shutdown", "migrate", "reboot")},
		container + "/status/current":               {get: containerStatus},
		container + "/status/start":                 {post: startContainer},
		container + "/status/stop":                  {post: stopContainer},
		container + "/status/shutdown":              {post: shutdownContainer},
		container + "/status/reboot":                {post: rebootContainer},
		container + "/status/suspend":               {post: suspendContainer},
		container + "/status/resume":                {post: resumeContainer},
	}
}

var containerIndex = subdirectories("subdir", true, "clone", "config", "firewall", "interfaces", "migrate", "pending", "resize",
	"rrd", "rrddata", "snapshot", "spiceproxy", "status", "termproxy", "vncproxy", "vncwebsocket")
