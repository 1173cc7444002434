//! `highwater.toml`: what a person may set for a workspace.

use std::path::Path;

use serde::Deserialize;

use super::WorkspaceError;
use crate::log::Durability;

/// The file's name.
pub const CONFIG_FILE: &str = "highwater.toml";

/// What `highwater init` writes: every setting with its default.
pub const CONFIG_TEMPLATE: &str = r#"# A highwater workspace. Everything here has a default; a line without `#` changes it.

# The name in the dashboard's header. Default: the folder's name.
# name = "my workspace"

# Which commands the workspace offers: "shop" (the built-in example) or "none".
# domain = "shop"

# What an acknowledged commit survives: "full" (a power loss) or "relaxed" (a killed process).
# durability = "full"

# How long a command waits for read models with `-- policy: sync` before it is answered with
# 'stored, not visible'.
# sync-timeout = "2s"

# The shop's fulfilment: how long a customer has to pay, once everything is reserved.
# [shop]
# payment-within = "15m"
# Whether there is its read model `top_sellers`, which is written in Rust.
# top-sellers = false

# Limits of one event and one commit. They can be lowered only.
# [limits]
# data = 1048576       # bytes of an event's data
# metadata = 65536     # bytes of an event's metadata
# events = 1000        # events a commit

# How the dashboard is to be, over what your own ~/.config/highwater/config.toml says in the same words:
# `highwater config` lists it all, with where each value comes from.
# [ui]
# theme = "auto"       # dark, light, high-contrast, monochrome
# start = "overview"   # the screen that it begins with
# mouse = true
# ascii = false
# [ui.keys]
# pause = "p"
"#;

/// What of the template concerns the built-in domain only.
const SHOP_PART: &str = "\
# The shop's fulfilment: how long a customer has to pay, once everything is reserved.
# [shop]
# payment-within = \"15m\"
# Whether there is its read model `top_sellers`, which is written in Rust.
# top-sellers = false

";

/// The template for a workspace of a domain. The built-in one is the default, and needs no line.
pub(super) fn template_for(domain: &str) -> String {
    if domain == Config::default().domain {
        return CONFIG_TEMPLATE.to_owned();
    }
    let name = toml::Value::from(domain);
    CONFIG_TEMPLATE
        .replace(SHOP_PART, "")
        .replace("\"shop\" (the built-in example)", &name.to_string())
        .replace("# domain = \"shop\"", &format!("domain = {name}"))
}

/// A workspace's settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The name in the header; `None` is the folder's.
    pub name: Option<String>,
    /// Which commands it offers.
    pub domain: String,
    /// What an acknowledged commit survives.
    pub durability: Durability,
    /// How long a command waits for `sync` read models.
    #[serde(deserialize_with = "duration")]
    pub sync_timeout: std::time::Duration,
    /// Settings of the domain `shop`.
    pub shop: ShopConfig,
    /// Lower limits than the log's own.
    pub limits: LimitsConfig,
    /// How the dashboard is to be: whoever shows it reads that.
    pub ui: Elsewhere,
}

/// A section that somebody else reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elsewhere;

impl<'de> Deserialize<'de> for Elsewhere {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(from).map(|_| Self)
    }
}

/// Settings of the built-in domain `shop`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShopConfig {
    /// How long a customer has to pay before the order is cancelled.
    #[serde(deserialize_with = "duration")]
    pub payment_within: std::time::Duration,
    /// Whether there is its read model `top_sellers`, which is written in Rust.
    pub top_sellers: bool,
}

impl Default for ShopConfig {
    fn default() -> Self {
        Self {
            payment_within: std::time::Duration::from_secs(15 * 60),
            top_sellers: false,
        }
    }
}

/// Limits of one event and one commit; `None` is the log's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of an event's data.
    pub data: Option<usize>,
    /// Bytes of an event's metadata.
    pub metadata: Option<usize>,
    /// Events a commit.
    pub events: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: None,
            domain: "shop".to_owned(),
            durability: Durability::default(),
            sync_timeout: std::time::Duration::from_secs(2),
            shop: ShopConfig::default(),
            limits: LimitsConfig::default(),
            ui: Elsewhere,
        }
    }
}

impl Config {
    /// Reads a workspace's settings. Errors: not there, not TOML, an unknown or mistyped setting.
    pub fn read(folder: &Path) -> Result<Self, WorkspaceError> {
        let path = folder.join(CONFIG_FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| WorkspaceError::io(&path, &e))?;
        toml::from_str(&text).map_err(|e| WorkspaceError::Config {
            path,
            reason: e.to_string(),
        })
    }
}

fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<std::time::Duration, D::Error> {
    let text = String::deserialize(from)?;
    crate::read::parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_states_the_defaults() {
        let uncommented: String = CONFIG_TEMPLATE
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains(" = ") || line.starts_with('['))
            .filter(|line| !line.starts_with("name"))
            .map(|line| format!("{line}\n"))
            .collect();
        let stated: Config = toml::from_str(&uncommented).unwrap();
        let limits = LimitsConfig {
            data: Some(1 << 20),
            metadata: Some(1 << 16),
            events: Some(1000),
        };
        assert_eq!(
            stated,
            Config {
                limits,
                ..Config::default()
            }
        );
        assert_eq!(
            toml::from_str::<Config>(CONFIG_TEMPLATE).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn the_template_for_a_domain_names_it_and_is_else_the_same() {
        assert_eq!(template_for("shop"), CONFIG_TEMPLATE);
        let bank = template_for("bank");
        assert!(!bank.contains("shop"), "{bank}");
        let expected = Config {
            domain: "bank".to_owned(),
            ..Config::default()
        };
        assert_eq!(toml::from_str::<Config>(&bank).unwrap(), expected);
    }

    #[test]
    fn a_setting_that_is_not_known_is_named() {
        let error = toml::from_str::<Config>("durabilty = \"full\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("durabilty") && error.contains("durability"),
            "{error}"
        );
    }
}
