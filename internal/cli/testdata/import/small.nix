# The small example: a database, and an application on it.
{
  network = {
    dns_server = "192.168.1.1";
    gateway = "192.168.1.1";
    network_cidr = "192.168.1.0/24";
    domain = "example.com";
  };
  services = {
    postgresql = {
      enable = true;
      ip = "192.168.1.11";
      hostname = "db.example.com";
      health_check = "systemctl is-active --quiet postgresql";
      resources = { memory = "2GB"; cpu = "2 cores"; storage = "20GB"; };
      ports = [ 5432 ];
    };
    app = {
      enable = true;
      ip = "192.168.1.12";
      hostname = "app.example.com";
      depends_on = [ "postgresql" ];
      health_check = "curl -f -s http://localhost:8080/health";
      resources = { memory = 1024; cores = 1; disk_gb = 10; };
      ports = [ 8080 ];
    };
  };
}
