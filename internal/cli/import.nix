# Evaluates a NixMox manifest: an attribute set, or a NixOS module that sets services.nixmox. Modules get a lib with the functions that
# such modules use; options and other modules are not evaluated.
{ file }:
let
  inherit (builtins) functionArgs intersectAttrs isFunction isAttrs foldl' mapAttrs listToAttrs isList map concatMap attrNames;
  merge = a: b:
    a // mapAttrs (n: v: if a ? ${n} && isAttrs a.${n} && isAttrs v then merge a.${n} v else v) b;
  lib = {
    mkIf = condition: value: if condition then value else { };
    mkMerge = foldl' merge { };
    mkDefault = x: x;
    mkForce = x: x;
    mkOverride = _: x: x;
    mkBefore = x: x;
    mkAfter = x: x;
    optional = condition: x: if condition then [ x ] else [ ];
    optionals = condition: xs: if condition then xs else [ ];
    optionalAttrs = condition: xs: if condition then xs else { };
    optionalString = condition: s: if condition then s else "";
    recursiveUpdate = merge;
    nameValuePair = name: value: { inherit name value; };
    mapAttrs' = f: set: listToAttrs (map (n: f n set.${n}) (attrNames set));
    genAttrs = names: f: listToAttrs (map (name: { inherit name; value = f name; }) names);
    concatMapStringsSep = sep: f: xs: builtins.concatStringsSep sep (map f xs);
    inherit (builtins) mapAttrs attrNames attrValues concatStringsSep elem filter head tail length toString;
  };
  call = f: args: f (if functionArgs f == { } then args else intersectAttrs (functionArgs f) args);
  loaded = import file;
  result = if isFunction loaded then call loaded { inherit config lib; pkgs = { }; options = { }; modulesPath = ""; } else loaded;
  config = if result ? config && isAttrs result.config then result.config else result;
in
if config ? services && isAttrs config.services && config.services ? nixmox && !(config.services.nixmox ? ip)
then { services.nixmox = config.services.nixmox; }
else builtins.removeAttrs config [ "imports" "options" ]
