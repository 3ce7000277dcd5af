//! Figures as Prometheus reads them. What they are is in [`figures`](super::figures).

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text::encode},
    metrics::MetricType,
    registry::{Registry, Unit},
};
use sandkasse_store::Distribution;

/// What tells rows of one metric apart, by name.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One metric with its rows.
pub(super) struct Figure {
    /// Without unit and `_total`.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) rows: Rows,
}

/// What a metric is, and its values.
pub(super) enum Rows {
    Counter(Vec<(Labels, f64)>),
    Gauge(Vec<(Labels, f64)>),
    /// Times are microseconds.
    Histogram(Vec<(Labels, Distribution)>),
}

/// The figures as text.
pub(super) fn text(figures: Vec<Figure>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scraped(figures)));
    let mut text = String::new();
    // A `String` can always be written to.
    encode(&mut text, &registry).ok();
    text
}

struct Scraped(Vec<Figure>);

impl fmt::Debug for Scraped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} figures", self.0.len())
    }
}

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for figure in &self.0 {
            let kind = match figure.rows {
                Rows::Counter(_) => MetricType::Counter,
                Rows::Gauge(_) => MetricType::Gauge,
                Rows::Histogram(_) => MetricType::Histogram,
            };
            let unit = figure.unit.as_ref();
            let metric = encoder.encode_descriptor(figure.name, figure.help, unit, kind)?;
            figure.encode(metric)?;
        }
        Ok(())
    }
}

impl Figure {
    fn encode(&self, mut metric: MetricEncoder<'_>) -> fmt::Result {
        match &self.rows {
            Rows::Counter(rows) => each(&mut metric, rows, |row, value| {
                row.encode_counter::<NoLabelSet, f64, f64>(value, None)
            }),
            Rows::Gauge(rows) => each(&mut metric, rows, |row, value| row.encode_gauge(value)),
            Rows::Histogram(rows) => {
                let scale = if matches!(self.unit, Some(Unit::Seconds)) {
                    1e6
                } else {
                    1.0
                };
                each(&mut metric, rows, |row, read| {
                    let bounds = read.bounds.iter().map(|bound| *bound as f64 / scale);
                    let bounds = bounds.chain([f64::INFINITY]);
                    let buckets: Vec<_> = bounds.zip(read.counts.iter().copied()).collect();
                    let sum = read.sum as f64 / scale;
                    row.encode_histogram::<NoLabelSet>(sum, read.count(), &buckets, None)
                })
            }
        }
    }

    /// The name by which it is asked for.
    #[cfg(test)]
    pub(super) fn full_name(&self) -> String {
        let unit = self.unit.as_ref();
        let unit = unit.map_or(String::new(), |unit| format!("_{}", unit.as_str()));
        let total = match self.rows {
            Rows::Counter(_) => "_total",
            Rows::Gauge(_) | Rows::Histogram(_) => "",
        };
        format!("{}{unit}{total}", self.name)
    }
}

fn each<T>(
    metric: &mut MetricEncoder<'_>,
    rows: &[(Labels, T)],
    encode: impl Fn(&mut MetricEncoder<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (labels, value) in rows {
        if labels.is_empty() {
            encode(metric, value)?;
        } else {
            encode(&mut metric.encode_family(labels)?, value)?;
        }
    }
    Ok(())
}
