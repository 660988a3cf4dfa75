@echo off
rem Starts the demonstration. Only Node is needed; everything else is fetched into this folder.
setlocal
cd /d "%~dp0"

where node >nul 2>nul
if errorlevel 1 (
  echo seqd needs Node 20.19 or newer, and there is none on your PATH. Get it from https://nodejs.org
  goto failed
)
node -e "const [a,b]=process.versions.node.split('.').map(Number);process.exit(a>20||(a===20&&b>=19)?0:1)"
if errorlevel 1 (
  echo seqd needs Node 20.19 or newer. Get it from https://nodejs.org
  goto failed
)
node scripts\start-poc.mjs %*
set code=%errorlevel%
if not %code%==0 goto ended
exit /b 0

:failed
set code=1

:ended
rem Keep the window of a double click open, so that the message can be read.
if "%~1"=="" pause
exit /b %code%
