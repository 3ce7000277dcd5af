//! Where the official documents are: OpenAPI files and Postman collections, which are not ours to commit.

use std::path::{Path, PathBuf};

use anyhow::bail;

/// What to tell who has no documents.
pub(crate) const WHERE_PUBLISHED: &str = "needs the official documents: put public GitHub's vippsas/vipps-ecom-api \
     (docs/swagger.yaml, tools/), vippsas/access-token-api (docs/swagger.yaml) and vippsas/vipps-developers (tools/) \
     side by side into a folder and name it in SANDKASSE_ORACLES";

/// A folder of official documents: either `specs/` and `postman/` with one file per API, or the checkouts of the
/// repositories that publish them.
pub(crate) struct Oracles {
    folder: PathBuf,
}

impl Oracles {
    /// Looks beside the project, then where the environment says. Fails when the named folder is not there: whoever
    /// names one wants it used.
    pub(crate) fn find(root: &Path, named: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let beside = root.parent().map(|parent| parent.join("shared"));
        if let Some(folder) = beside.filter(|folder| folder.join("specs").is_dir()) {
            return Ok(Some(Self { folder }));
        }
        match named {
            None => Ok(None),
            Some(folder) if folder.is_dir() => Ok(Some(Self {
                folder: std::path::absolute(folder)?,
            })),
            Some(folder) => bail!("SANDKASSE_ORACLES: {} is no folder", folder.display()),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder below which the collections are.
    pub(crate) fn collections(&self) -> PathBuf {
        self.first(&["postman", "."])
    }

    /// The environment all collections expect.
    pub(crate) fn postman_environment(&self) -> PathBuf {
        self.first(&[
            "postman/global.postman_environment.json",
            "vipps-developers/tools/global-postman-environment.json",
        ])
    }

    pub(crate) fn access_token(&self) -> PathBuf {
        self.first(&[
            "specs/access-token.yaml",
            "access-token-api/docs/swagger.yaml",
        ])
    }

    /// The eCom document that was in force at the date of our reference, else the one at hand.
    pub(crate) fn ecom(&self) -> PathBuf {
        self.first(&[
            "specs/ecom-v2-2023-06.yaml",
            "specs/ecom-v2.yaml",
            "vipps-ecom-api/docs/swagger.yaml",
        ])
    }

    /// The ePayment document of today's platform.
    pub(crate) fn epayment(&self) -> PathBuf {
        self.first(&[
            "specs/epayment-v1-2026-04.yaml",
            "vipps-epayment-api/docs/epayment.v1.yml",
        ])
    }

    pub(crate) fn webhooks(&self) -> PathBuf {
        self.first(&["specs/webhooks-v1.yaml", "webhooks-api/docs/swagger.yaml"])
    }

    /// The first of `places` that exists; if none does, the first, whose absence the client's driver then reports.
    fn first(&self, places: &[&str]) -> PathBuf {
        let mut paths = places.iter().map(|place| self.folder.join(place));
        let found = paths.find(|path| path.exists());
        found.unwrap_or_else(|| self.folder.join(places.first().unwrap_or(&".")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_understood() {
        let top = std::env::temp_dir().join(format!("xtask-oracles-{}", std::process::id()));
        let project = top.join("a/project");
        let named = top.join("checkouts");
        std::fs::create_dir_all(project.join("xtask")).unwrap();
        std::fs::create_dir_all(named.join("vipps-ecom-api/docs")).unwrap();
        std::fs::write(named.join("vipps-ecom-api/docs/swagger.yaml"), "").unwrap();
        assert!(Oracles::find(&project, None).unwrap().is_none());
        assert!(Oracles::find(&project, Some(&top.join("nowhere"))).is_err());

        let by_name = Oracles::find(&project, Some(&named)).unwrap().unwrap();
        assert_eq!(
            by_name.ecom(),
            named.join("vipps-ecom-api/docs/swagger.yaml")
        );
        assert_eq!(by_name.collections(), named.join("."));

        let specs = top.join("a/shared/specs");
        std::fs::create_dir_all(&specs).unwrap();
        std::fs::write(specs.join("ecom-v2-2023-06.yaml"), "").unwrap();
        let beside = Oracles::find(&project, Some(&named)).unwrap().unwrap();
        assert_eq!(beside.ecom(), specs.join("ecom-v2-2023-06.yaml"));
        std::fs::remove_dir_all(&top).unwrap();
    }
}
