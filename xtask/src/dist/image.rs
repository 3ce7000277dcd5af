//! The container image, made from `ops/container/Containerfile` without a container engine, in the form that
//! `docker load` and `podman load` read: a configuration, a layer, and a list of the two.
//!
//! Only what our Containerfile says is understood; anything else in it is an error.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::Goods;
use crate::process;

/// What a Containerfile says.
#[derive(Debug, Default)]
pub(super) struct Recipe {
    pub(super) copies: Vec<Copy>,
    pub(super) environment: Vec<String>,
    pub(super) user: String,
    pub(super) folder: String,
    pub(super) volumes: Vec<String>,
    pub(super) ports: Vec<String>,
    pub(super) health: Vec<String>,
    health_times: BTreeMap<String, u64>,
    pub(super) entry: Vec<String>,
}

/// One thing that is put into the image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copy {
    from: String,
    to: String,
    owner: String,
}

impl Recipe {
    /// Reads ours.
    pub(super) fn ours(root: &Path) -> anyhow::Result<Recipe> {
        Recipe::parse(&fs::read_to_string(
            root.join("ops/container/Containerfile"),
        )?)
    }

    fn parse(text: &str) -> anyhow::Result<Recipe> {
        let mut recipe = Recipe::default();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            recipe.take(line).with_context(|| line.to_owned())?;
        }
        ensure!(
            !recipe.entry.is_empty() && !recipe.user.is_empty(),
            "no ENTRYPOINT or USER"
        );
        Ok(recipe)
    }

    fn take(&mut self, line: &str) -> anyhow::Result<()> {
        let (word, rest) = line.split_once(' ').context("nothing after the word")?;
        match word {
            "FROM" => ensure!(rest == "scratch", "only scratch is known here"),
            "COPY" => self.copies.push(Copy::parse(rest)?),
            "ENV" => {
                ensure!(rest.contains('='), "no value");
                self.environment.push(rest.to_owned());
            }
            "USER" => rest.clone_into(&mut self.user),
            "WORKDIR" => rest.clone_into(&mut self.folder),
            "VOLUME" => self.volumes = serde_json::from_str(rest)?,
            "EXPOSE" => self.ports = rest.split(' ').map(str::to_owned).collect(),
            "HEALTHCHECK" => {
                let (flags, command) = rest.split_once(" CMD ").context("no CMD")?;
                for flag in flags.split(' ') {
                    let (name, value) = flag
                        .strip_prefix("--")
                        .and_then(|flag| flag.split_once('='))
                        .context("no flag")?;
                    let number = value.trim_end_matches('s').parse()?;
                    self.health_times.insert(name.to_owned(), number);
                }
                self.health = serde_json::from_str(command)?;
            }
            "ENTRYPOINT" => self.entry = serde_json::from_str(rest)?,
            _ => bail!("not known here"),
        }
        Ok(())
    }

    fn configuration(&self, goods: &Goods, layer: &str) -> anyhow::Result<Value> {
        let nothing_each = |names: &[String], suffix: &str| -> Value {
            let each = names
                .iter()
                .map(|name| (format!("{name}{suffix}"), json!({})));
            Value::Object(each.collect())
        };
        let time = |name: &str| -> anyhow::Result<u64> {
            let time = self.health_times.get(name);
            time.copied().with_context(|| format!("no --{name}"))
        };
        let nanoseconds = |name: &str| time(name).map(|seconds| seconds * 1_000_000_000);
        let test: Vec<&str> = std::iter::once("CMD")
            .chain(self.health.iter().map(String::as_str))
            .collect();
        let date = process::read(Command::new("date").args([
            "-u",
            "-d",
            &format!("@{}", goods.epoch),
            "+%Y-%m-%dT%H:%M:%SZ",
        ]))?;
        let created = date.trim();
        Ok(json!({
            "architecture": super::image_architecture(),
            "os": "linux",
            "created": created,
            "config": {
                "User": self.user,
                "Env": self.environment,
                "Entrypoint": self.entry,
                "WorkingDir": self.folder,
                "Volumes": nothing_each(&self.volumes, ""),
                "ExposedPorts": nothing_each(&self.ports, "/tcp"),
                "Healthcheck": {
                    "Test": test,
                    "Interval": nanoseconds("interval")?,
                    "Timeout": nanoseconds("timeout")?,
                    "StartPeriod": nanoseconds("start-period")?,
                    "Retries": time("retries")?,
                },
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
            "history": [{ "created": created, "created_by": "cargo xtask dist" }],
        }))
    }
}

impl Copy {
    fn parse(rest: &str) -> anyhow::Result<Copy> {
        let words: Vec<&str> = rest.split(' ').collect();
        let (owner, words) = match words.split_first() {
            Some((flag, rest)) if flag.starts_with("--chown=") => {
                (flag.trim_start_matches("--chown="), rest)
            }
            _ => ("0:0", words.as_slice()),
        };
        let [from, to] = words else {
            bail!("one thing to one place, please");
        };
        Ok(Copy {
            from: (*from).to_owned(),
            to: to.trim_start_matches('/').to_owned(),
            owner: owner.to_owned(),
        })
    }
}

/// Makes the folder that a Containerfile copies from, and the image.
pub(super) fn make(goods: &Goods) -> anyhow::Result<()> {
    let context = goods.bench("context")?;
    fs::copy(&goods.binary, context.join("sandkasse"))?;
    fs::create_dir(context.join("data"))?;
    let documents = context.join("doc");
    fs::create_dir(&documents)?;
    for name in ["LICENSE", "THIRD-PARTY.md", "sandkasse.cdx.json"] {
        fs::copy(goods.out.join(name), documents.join(name))?;
    }
    fs::write(context.join("ca-certificates.crt"), authorities()?)?;

    let recipe = Recipe::ours(&goods.root)?;
    let image = goods.bench("image")?;
    let layer = image.join("layer.tar");
    write_layer(goods, &recipe, &context, &layer)?;
    let layer_sum = sum(&layer)?;
    let configuration = serde_json::to_string(&recipe.configuration(goods, &layer_sum)?)?;
    let name = format!("{}.json", sum_of(&image, &configuration)?);
    fs::write(image.join(&name), &configuration)?;
    let list = json!([{
        "Config": name,
        "RepoTags": [format!("sandkasse:{}", goods.version)],
        "Layers": ["layer.tar"],
    }]);
    fs::write(image.join("manifest.json"), list.to_string())?;
    let tar = goods.image().with_extension("");
    let mut pack = goods.tar(&image);
    pack.args(["--owner=0", "--group=0", "--mode=u=rw,go=r", "--file"])
        .arg(&tar)
        .args([name.as_str(), "layer.tar", "manifest.json"]);
    process::run(&mut pack)?;
    fs::remove_dir_all(&image)?;
    goods.gzip(&tar)
}

/// One `tar` for each owner, the later ones appended.
fn write_layer(goods: &Goods, recipe: &Recipe, context: &Path, layer: &Path) -> anyhow::Result<()> {
    let tree = goods.bench("layer")?;
    for (number, copy) in recipe.copies.iter().enumerate() {
        let part = tree.join(number.to_string());
        let to = part.join(&copy.to);
        fs::create_dir_all(to.parent().context("no folder")?)?;
        let mut put = Command::new("cp");
        put.arg("-r").arg(context.join(&copy.from)).arg(&to);
        process::run(&mut put)?;
        let (user, group) = copy.owner.split_once(':').context("no group")?;
        let program = fs::metadata(&to)?.is_file() && copy.to.starts_with("usr/bin/");
        if program {
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
        }
        let mut pack = goods.tar(&part);
        pack.args([&format!("--owner={user}"), &format!("--group={group}")])
            .arg("--mode=u=rwX,go=rX")
            .arg("--file")
            .arg(part.with_extension("tar"))
            .arg(copy.to.split('/').next().unwrap_or("."));
        process::run(&mut pack)?;
        if number == 0 {
            fs::rename(part.with_extension("tar"), layer)?;
        } else {
            let mut more = Command::new("tar");
            more.arg("--concatenate")
                .arg("--file")
                .arg(layer)
                .arg(part.with_extension("tar"));
            process::run(&mut more)?;
        }
    }
    fs::remove_dir_all(&tree)?;
    Ok(())
}

/// The authorities of Debian's package, in the order of their names; not those that this machine believes besides.
fn authorities() -> anyhow::Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir("/usr/share/ca-certificates/mozilla")? {
        files.push(entry?.path());
    }
    files.sort();
    let mut all = String::new();
    for file in files {
        all.push_str(fs::read_to_string(&file)?.trim_end());
        all.push('\n');
    }
    ensure!(
        all.contains("BEGIN CERTIFICATE"),
        "there are no authorities"
    );
    Ok(all)
}

fn sum(file: &Path) -> anyhow::Result<String> {
    let said = process::read(Command::new("sha256sum").arg(file))?;
    Ok(said.split(' ').next().context("no sum")?.to_owned())
}

fn sum_of(folder: &Path, text: &str) -> anyhow::Result<String> {
    let file = folder.join("configuration");
    fs::write(&file, text)?;
    let sum = sum(&file)?;
    fs::remove_file(&file)?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_containerfile_is_understood() {
        let recipe = Recipe::ours(&crate::repository()).unwrap();
        assert_eq!(recipe.entry, ["/usr/bin/sandkasse"]);
        assert_ne!(recipe.user, "0:0", "it is nobody's root");
        assert_eq!(recipe.volumes, ["/data"]);
        assert_eq!(recipe.ports, ["7480", "7481", "7482"]);
        assert_eq!(recipe.health, ["/usr/bin/sandkasse", "health"]);
        let data = Copy {
            from: "data".to_owned(),
            to: "data".to_owned(),
            owner: recipe.user.clone(),
        };
        assert!(recipe.copies.contains(&data), "it may write there");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let whole = "FROM scratch\nUSER 1:1\nENTRYPOINT [\"/x\"]\n";
        assert!(Recipe::parse(whole).is_ok());
        for line in [
            "RUN true",
            "FROM debian",
            "COPY a b c",
            "HEALTHCHECK NONE",
            "ENTRYPOINT /x",
        ] {
            let error = Recipe::parse(&format!("{whole}{line}\n")).unwrap_err();
            assert!(error.to_string().contains(line), "{error:#}");
        }
    }
}
