//! The settings of SET: their names, what they do, and the values that are usual.

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingWords {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Values as they are written; all of them where there are few.
    pub values: &'static [&'static str],
}

/// All settings.
pub const SETTINGS: [SettingWords; 8] = [
    SettingWords { name: "now", meaning: "the clock of the statements that follow", values: &["'2026-01-01T00:00:00Z'"] },
    SettingWords {
        name: "time_zone",
        meaning: "the zone in which days and weeks are counted",
        values: &[
            "'UTC'",
            "'Africa/Johannesburg'",
            "'America/Los_Angeles'",
            "'America/New_York'",
            "'America/Sao_Paulo'",
            "'Asia/Kolkata'",
            "'Asia/Shanghai'",
            "'Asia/Tokyo'",
            "'Australia/Sydney'",
            "'Europe/Berlin'",
            "'Europe/London'",
            "'Europe/Paris'",
        ],
    },
    SettingWords { name: "week_start", meaning: "the first day of a week", values: &["'monday'", "'sunday'", "'saturday'"] },
    SettingWords { name: "dialect", meaning: "what a text of statements is read as", values: &["'auto'", "'eql'", "'sql'"] },
    SettingWords { name: "result_cache", meaning: "whether answers may come from the cache of results", values: &["'on'", "'off'"] },
    SettingWords { name: "threads", meaning: "the most threads of a statement", values: &["1", "4"] },
    SettingWords { name: "memory_limit", meaning: "the most memory of a statement", values: &["'512MB'", "'2GB'"] },
    SettingWords { name: "timeout", meaning: "the longest time a statement may take", values: &["'30 seconds'", "'5 minutes'"] },
];
