# The full stack of ten services, as a NixOS module. Core services come first.
{ config, lib, ... }:
let
  domain = config.services.nixmox.network.domain;
  service = number: depends_on: health_check: memory: cores: disk_gb: ports: {
    enable = true;
    ip = "192.168.99.${toString number}";
    inherit depends_on health_check ports;
    resources = { inherit memory cores disk_gb; };
    restart_policy = "unless-stopped";
  };
  active = unit: "systemctl is-active --quiet ${unit}";
  http = path: "http://localhost:${path}";
  base = [ "postgresql" "caddy" ];
  named = lib.mapAttrs (name: s: s // { hostname = "${name}.${domain}"; });
in
{
  imports = [ ./hardware.nix ];
  services.nixmox = {
    enable = true;
    network = {
      dns_server = "192.168.99.13";
      gateway = "192.168.99.1";
      network_cidr = "192.168.99.0/24";
      vlan_tag = 99;
      domain = "nixmox.lan";
      ssh_keys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHRoZSBrZXkgb2YgdGhlIGV4YW1wbGUgYWRtaW4x admin@nixmox.lan" ];
    };
    core_services = named {
      dns = service 13 [ ] (active "unbound") 512 1 2 [ 53 "53/udp" ] // { onboot = true; version = "1.22.0"; };
      postgresql = service 11 [ "dns" ] (active "postgresql") "4GB" 2 50 [ 5432 ] // {
        volumes = [ "/tank/postgresql:/var/lib/postgresql" ];
        environment = { POSTGRES_DB = "nixmox"; };
        interface = {
          database = { host = "192.168.99.11"; port = 5432; };
          health = { startup = active "postgresql"; interval = 30; timeout = "10s"; retries = 3; };
        };
      };
      caddy = service 10 [ "dns" ] (http "2019/health") "1GB" 1 5 [ 80 443 2019 ];
    };
    services = named {
      authentik = service 12 base (http "9000/health") 2048 2 15 [ 9000 ];
      vaultwarden = service 14 (base ++ [ "authentik" ]) (http "8080/health") 1024 1 10 [ 8080 ];
      guacamole = service 16 (base ++ [ "authentik" ]) (lib.concatMapStringsSep " && " active [ "tomcat" "guacamole-server" ]) 2048 2 10 [ 8280 4822 ];
      nextcloud = service 15 (base ++ [ "authentik" ]) (http "8080/status.php") 4096 2 100 [ 8080 ] // { volumes = [ "/tank/nextcloud:/var/lib/nextcloud" ]; };
      media = service 17 base (active "jellyfin") 8192 4 200 [ 8096 8920 ] // { volumes = [ "/tank/media:/media:ro" ]; gpu = true; };
      monitoring = service 18 base (http "9090/-/healthy") 2048 2 20 [ 9090 3000 9091 ];
      mail = service 19 (base ++ [ "dns" ]) "${active "postfix"} && ${active "dovecot"}" 2048 2 25 [ 25 587 993 995 ];
    };
    deployment_phases = {
      phase2 = { name = "identity and security"; services = [ "authentik" ]; };
      phase3 = { name = "core applications"; services = [ "vaultwarden" "guacamole" ]; };
      phase4 = { name = "storage and media"; services = [ "nextcloud" "media" ]; };
      phase5 = { name = "monitoring"; services = [ "monitoring" ]; };
      phase10 = { name = "advanced"; services = [ "mail" ]; };
    };
    health_check_timeout = 30;
    retry_attempts = 5;
    retry_delay = 10;
    enable_rollback = true;
  };
}
