//! What a replay wrote, read again.

use std::collections::BTreeMap;
use std::path::Path;

use evenkeel_schemas::Collection;

/// Line numbers that a replay refused. Only a sale of more than is held is expected among them, and what
/// would correct one.
///
/// # Errors
/// In words, when anything else was refused, or the file is not what the program writes.
pub fn refused(out: &Path) -> Result<Vec<usize>, String> {
    let text = std::fs::read_to_string(out.join("rejected.ndjson")).map_err(|error| error.to_string())?;
    text.lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let reason = row["reason"].as_str().unwrap_or_default();
            let expected =
                reason.contains("held to be sold") || reason.contains("is not known or too old to correct");
            let number = row["line"].as_u64().and_then(|number| usize::try_from(number).ok());
            number.filter(|_| expected).ok_or_else(|| format!("not expected to be refused: {line}"))
        })
        .collect()
}

/// Rows of any collection that are left at the end.
///
/// # Errors
/// In words, when a file is not what the program writes.
pub fn left(folder: &Path) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    for collection in Collection::ALL {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let file = folder.join(format!("{}.ndjson", collection.as_str()));
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        for line in text.lines() {
            let parts = line.split_once(",\"diff\":").and_then(|(_, rest)| rest.split_once(','));
            let told = parts.and_then(|(diff, row)| Some((diff.parse::<i64>().ok()?, row)));
            let (diff, row) = told.ok_or_else(|| format!("no diff: {line}"))?;
            *sums.entry(row.to_owned()).or_default() += diff;
        }
        // A feed that has gone silent is stale, whatever became of what it once said.
        let standing = sums.into_iter().filter(|(row, sum)| *sum != 0 && !row.contains("\"stale_price\""));
        findings.extend(standing.map(|(row, sum)| format!("{} {sum} × {row}", collection.as_str())));
    }
    Ok(findings)
}
