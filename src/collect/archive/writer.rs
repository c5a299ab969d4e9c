use std::fs::{self, File};
use std::io::{self, Seek};
use std::ops::RangeFrom;
use std::path::PathBuf;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{ArchiveSettings, Capture, folder, record};
use crate::collect::secrets::Redactor;
use crate::record::PipelineId;

/// Room for one exchange beside the one that is being written: what waits here is a whole body.
const CHANNEL_ROOM: usize = 1;

/// Who writes an archive, as its files tell.
#[derive(Debug, Clone)]
pub(in crate::collect) struct Origin {
    pub(in crate::collect) pipeline: PipelineId,
    pub(in crate::collect) user_agent: String,
}

/// Takes what a run exchanges with sites to the thread that writes it. A disk that is slower than the sites slows the
/// run down, so that memory stays flat.
#[derive(Debug)]
pub(in crate::collect) struct Recorder(mpsc::Sender<Capture>);

impl Recorder {
    /// Starts the thread. It ends, with its last file closed, after the recorder is dropped.
    pub(in crate::collect) fn start(
        settings: &ArchiveSettings,
        origin: Origin,
        redactor: Redactor,
    ) -> (Self, JoinHandle<()>) {
        let (sender, captures) = mpsc::channel(CHANNEL_ROOM);
        let writer = Writer {
            settings: settings.clone(),
            origin,
            redactor,
            numbers: 0..,
            file: None,
        };
        let thread = tokio::task::spawn_blocking(move || writer.write_all(captures));
        (Self(sender), thread)
    }

    pub(in crate::collect) async fn record(&self, capture: Capture) {
        // The thread is gone only after an error, which it has told.
        drop(self.0.send(capture).await);
    }
}

struct Writer {
    settings: ArchiveSettings,
    origin: Origin,
    redactor: Redactor,
    numbers: RangeFrom<u32>,
    file: Option<OpenFile>,
}

struct OpenFile {
    /// Its name once it is closed.
    path: PathBuf,
    file: File,
    warcinfo: Uuid,
    /// End of the last whole exchange.
    length: u64,
}

impl Writer {
    fn write_all(mut self, mut captures: mpsc::Receiver<Capture>) {
        while let Some(capture) = captures.blocking_recv() {
            if let Err(error) = self.write(&capture) {
                self.tell(&error);
                break;
            }
        }
        if let Err(error) = self.close() {
            self.tell(&error);
        }
    }

    fn tell(&self, error: &io::Error) {
        tracing::warn!(
            "{}: the archive in `{}` cannot be written ({error}); the run goes on, and the rest of it cannot be replayed",
            self.origin.pipeline,
            self.settings.folder.display()
        );
    }

    fn write(&mut self, capture: &Capture) -> io::Result<()> {
        if self
            .file
            .as_ref()
            .is_some_and(|file| file.length >= self.settings.rotate_at)
        {
            self.close()?;
        }
        let body = self
            .redactor
            .redact(capture.body.as_deref().unwrap_or_default());
        let open = match &mut self.file {
            Some(open) => open,
            none => none.insert(OpenFile::begin(
                &self.settings,
                &self.origin,
                &mut self.numbers,
            )?),
        };
        capture.write(&mut open.file, open.warcinfo, &body)?;
        open.length = open.file.stream_position()?;
        Ok(())
    }

    /// Gives the file its final name. What an error left behind its last whole exchange is cut off.
    fn close(&mut self) -> io::Result<()> {
        let Some(OpenFile {
            path, file, length, ..
        }) = self.file.take()
        else {
            return Ok(());
        };
        file.set_len(length)?;
        file.sync_all()?;
        fs::rename(folder::open_path(&path), path)
    }
}

impl OpenFile {
    fn begin(
        settings: &ArchiveSettings,
        origin: &Origin,
        numbers: &mut RangeFrom<u32>,
    ) -> io::Result<Self> {
        let now = Timestamp::now();
        fs::create_dir_all(&settings.folder)?;
        if numbers.start == 0 {
            folder::tidy(&settings.folder, settings.keep, now)?;
        }
        let (path, mut file) = folder::create(&settings.folder, &origin.pipeline, now, numbers)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fields = [
            ("software", concat!("trendy/", env!("CARGO_PKG_VERSION"))),
            ("format", "WARC File Format 1.1"),
            (
                "conformsTo",
                "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
            ),
            ("isPartOf", origin.pipeline.as_str()),
            ("robots", "obey"),
            ("http-header-user-agent", &origin.user_agent),
        ];
        let warcinfo = record::write_warcinfo(&mut file, &name, now, &fields)?;
        let length = file.stream_position()?;
        Ok(Self {
            path,
            file,
            warcinfo,
            length,
        })
    }
}
