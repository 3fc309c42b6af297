"""FFmpeg's demuxers, by whether they keep to the one file that they are given.

A file's content decides which demuxer reads it, whatever its name says: a text called ``a.mp4``
may be a playlist. So demuxers that open other files or the network are asked for by name alone.
"""

from __future__ import annotations

import os.path
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from streamcut.media.names import is_address

PLAYLISTS: dict[str, frozenset[str]] = {
    "concat": frozenset({".ffconcat", ".ffcat", ".concat"}),
    "dash": frozenset({".mpd"}),
    "hls": frozenset({".m3u8", ".m3u"}),
    "imf": frozenset(),
    "sdp": frozenset({".sdp"}),
    "vobsub": frozenset({".idx"}),
    "webm_dash_manifest": frozenset(),
}
"""Demuxers that open what their text names, and the endings of names that ask for them."""

_SCHEMES: dict[str, tuple[str, ...]] = {
    "rtsp": ("rtsp",),
    "rtsps": ("rtsp",),
    "rtp": ("rtp", "sdp"),
    "satip": ("rtsp",),
    "sap": ("sap", "sdp"),
}
"""Demuxers that are the protocol of an address."""

_SIGNS = {
    b"ffconcat": "concat",
    b"#EXTM3U": "hls",
    b"<MPD": "dash",
    b"CompositionPlaylist": "imf",
    b"v=0": "sdp",
    b"# VobSub": "vobsub",
}
_GLANCE = 4096

_NAMES = """
3dostr 3g2 3gp 4xm aa aac aax ac3 ac4 ace acm act adf adp ads adx aea afc aiff aix alaw alias_pix
alp amr amrnb amrwb anm apac apc ape apm apng aptx aptx_hd apv aqtitle argo_asf argo_brp argo_cvg
asf asf_o ass ast au av1 avi avr avs avs2 avs3 bethsoftvid bfi bfstm bin bink binka bit bitpacked
bmp_pipe bmv boa bonk brender_pix brstm c93 caf cavsvideo cdg cdxl cine codec2 codec2raw cri_pipe
data daud dcstr dds_pipe derf dfa dfpwm dhav dirac dnxhd dpx_pipe dsf dsicin dss dts dtshd dv dvbsub
dvbtxt dxa ea ea_cdata eac3 epaf evc exr_pipe f32be f32le f64be f64le ffmetadata film_cpk filmstrip
fits flac flic flv frm fsb fwse g722 g723_1 g726 g726le g728 g729 gdv gem_pipe genh gif gif_pipe gsm
gxf h261 h263 h264 hca hcom hdr_pipe hevc hnm hxvs iamf ico idcin idf iff ifv ilbc image2 image2pipe
ingenient ipmovie ipu ircam iss iv8 ivf ivr j2k_pipe jacosub jpeg_pipe jpegls_pipe jpegxl_anim
jpegxl_pipe jpegxs_pipe jv kux kvag laf lc3 live_flv lmlm4 loas lrc luodat lvf lxf m4a m4v matroska
mca mcc mgsts microdvd mj2 mjpeg mjpeg_2000 mlp mlv mm mmf mods moflex mov mp3 mp4 mpc mpc8 mpeg
mpegts mpegtsraw mpegvideo mpjpeg mpl2 mpsub msf msnwctcp msp mtaf mtv mulaw musx mv mvi mxf mxg nc
nistsphere nsp nsv nut nuv obu ogg oma osq paf pam_pipe pbm_pipe pcx_pipe pdv pfm_pipe pgm_pipe
pgmyuv_pipe pgx_pipe phm_pipe photocd_pipe pictor_pipe pjs pmp png_pipe pp_bnk ppm_pipe psd_pipe
psxstr pva pvf qcp qdraw_pipe qoa qoi_pipe r3d rawvideo rcwt realtext redspark rka rl2 rm roq rpl
rsd rso s16be s16le s24be s24le s32be s32le s337m s8 sami sbc sbg scc scd sdns sdr2 sds sdx ser sga
sgi_pipe shn siff simbiosis_imx sln smjpeg smk smush sol sox spdif srt stl subviewer subviewer1
sunrast_pipe sup svag svg_pipe svs swf tak tedcaptions thp tiertexseq tiff_pipe tmv truehd tta tty
txd ty u16be u16le u24be u24le u32be u32le u8 usm v210 v210x vag vbn_pipe vc1 vc1test vidc vividas
vivo vmd voc vpk vplayer vqf vvc w64 wady wav wavarc wc3movie webm webp_pipe webvtt wsaud wsd wsvqa
wtv wv wve xa xbin xbm_pipe xmd xmv xpm_pipe xvag xwd_pipe xwma yop yuv4mpegpipe
"""
KEEP_TO_THEIR_FILE = frozenset(_NAMES.split())
"""All others that FFmpeg 8 has, but for devices: what is not in this list is not let in."""


def allowed(url: str) -> str:
    """Return FFmpeg's list of the demuxers that may read an input: those that its name asks for.

    Args:
        url: a path or an address.
    """
    scheme = url.partition("://")[0].lower() if is_address(url) else ""
    asked = {name for name, endings in PLAYLISTS.items() if ending_of(url) in endings}
    return ",".join(sorted({*KEEP_TO_THEIR_FILE, *asked, *_SCHEMES.get(scheme, ())}))


def is_playlist(url: str) -> bool:
    """Whether a name says that it is a playlist."""
    return any(ending_of(url) in endings for endings in PLAYLISTS.values())


def ending_of(url: str) -> str:
    """Return the ending of a path, or of an address's path, in small letters with its dot."""
    try:
        path = urlsplit(url).path if is_address(url) else url
    except ValueError:
        return ""
    return PurePosixPath(path).suffix.lower()


def kind_of_playlist(path: str) -> str:
    """Return which demuxer's playlist a file looks like, or nothing."""
    if not os.path.isfile(path):
        return ""
    try:
        with open(path, "rb") as file:
            head = file.read(_GLANCE)
    except OSError:
        return ""
    return next((name for sign, name in _SIGNS.items() if sign in head), "")
